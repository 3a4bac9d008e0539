#!/usr/bin/env node
/** Process entry. */
import { lostOutput, runCli } from './cli/cli.js'

const { argv, stdout, stderr } = process
const command_line = argv.slice(2)

// Who no longer reads what we say has not asked us to stop, let alone without `audit.stop`.
let unwritten: NodeJS.ErrnoException | undefined
stdout.on('error', (error) => {
  unwritten ??= error
})
stderr.on('error', () => {})

const status = await runCli(command_line)
// Ends also when something still holds the event loop; what was written to a pipe goes out first,
// and an error of a write is told a moment after it.
stdout.write('', () => {
  setImmediate(() => process.exit(status === 0 ? lostOutput(command_line, unwritten) : status))
})
