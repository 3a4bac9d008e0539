#!/usr/bin/env node
/** Process entry. */
import { runCli } from './cli/cli.js'

// Who no longer reads what we say has not asked us to stop, let alone without `audit.stop`.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const status = await runCli(process.argv.slice(2))
// Ends also when something still holds the event loop; what was written to a pipe goes out first.
process.stdout.write('', () => process.exit(status))
