import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { ScratchPostgres } from '../../support/postgres.js'

/** Settings of a server whose log tells every statement that it runs, as JSON. */
export const telling_settings = {
  logging_collector: 'on',
  log_destination: 'jsonlog',
  log_directory: 'log',
  log_filename: 'server.log',
  log_rotation_age: '0',
  log_rotation_size: '0',
  log_statement: 'all',
  // With every duration the log says where each statement ended, and which Parse and Bind there were.
  log_min_duration_statement: '0',
  log_disconnections: 'on',
  log_min_messages: 'warning',
} as const

/** One line of the server's log, as far as it is judged. */
export interface LogLine {
  readonly pid: number
  readonly severity: string
  readonly message: string
  readonly sqlstate: string
  /** The statement in whose course it was written. */
  readonly statement: string
  readonly application: string
}

interface JsonLine {
  readonly pid?: number
  readonly error_severity?: string
  readonly message?: string
  readonly state_code?: string
  readonly statement?: string
  readonly application_name?: string
}

/** Reads the log of a scratch server, and empties it so that hours of it need no room. */
export class LogReader {
  readonly #path: string

  constructor(postgres: ScratchPostgres) {
    this.#path = join(postgres.data_directory, 'log', 'server.json')
  }

  /** Whole lines since the log was emptied. */
  lines(): LogLine[] {
    const text = readFileSync(this.#path, 'utf8')
    const lines: LogLine[] = []
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
      if (line === '') continue
      const read: JsonLine = JSON.parse(line)
      lines.push({
        pid: read.pid ?? 0,
        severity: read.error_severity ?? '',
        message: read.message ?? '',
        sqlstate: read.state_code ?? '',
        statement: read.statement ?? '',
        application: read.application_name ?? '',
      })
    }
    return lines
  }

  /** The server appends, so that it goes on at the beginning. */
  empty(): void {
    truncateSync(this.#path, 0)
  }
}
