#!/usr/bin/env node
/** Process entry. */
import { runCli } from './cli/cli.js'

const status = await runCli(process.argv.slice(2))
// Ends also when something still holds the event loop; what was written to a pipe goes out first.
process.stdout.write('', () => process.exit(status))
