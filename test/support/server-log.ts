import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ScratchPostgres } from './postgres.js'

/** Settings by which a server tells in one file, as CSV, where each statement begins and ends. */
export const statement_log = {
  logging_collector: 'on',
  log_destination: 'csvlog',
  log_filename: 'server.log',
  log_rotation_age: '0',
  log_rotation_size: '0',
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_min_error_statement: 'error',
} as const

/** The whole lines of such a log before that which has `mark`, which the server will log. */
export async function logBefore(
  { data_directory }: ScratchPostgres,
  mark: string,
): Promise<string> {
  const file = join(data_directory, 'log', 'server.csv')
  for (;;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    if (text.includes(mark)) return text.slice(0, text.lastIndexOf('\n', text.indexOf(mark)) + 1)
    await delay(20)
  }
}
