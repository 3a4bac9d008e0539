import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { destination, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import buildRoll from 'pino-roll'

/** What the server log needs of the configuration. */
export interface ServerLogOptions {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  /** Absent: stderr. */
  readonly file?: string
  readonly rotate: { readonly age_ms: number }
}

/** The log of the program itself, and the way to close it. */
export interface ServerLog {
  readonly logger: Logger
  /** Where the trail thread writes records that the audit file does not take. */
  readonly fallback: { readonly fd: number } | { readonly path: string }
  close(): Promise<void>
}

const day_ms = 86_400_000

/**
 * Opens the server log: JSON lines to stderr, readable ones when that is a terminal; or a file
 * that pino-roll rotates (`server.log` gives `server.1.log`, …, and `current.log` beside them).
 */
export async function openServerLog(options: ServerLogOptions): Promise<ServerLog> {
  const base = { level: options.level, base: { pid: process.pid } }
  if (options.file === undefined) {
    const stream = process.stderr.isTTY
      ? pretty({ destination: 2, sync: true, ignore: 'pid' })
      : destination({ fd: 2, sync: true })
    return { logger: pino(base, stream), fallback: { fd: 2 }, close: async () => {} }
  }
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 })
  const { age_ms } = options.rotate
  const stream = await buildRoll({
    file: options.file,
    symlink: true,
    ...(age_ms === 0 ? {} : { frequency: age_ms === day_ms ? ('daily' as const) : age_ms }),
  })
  // A server log that cannot be written must not end the process: stderr is told instead.
  stream.on('error', (error) => {
    process.stderr.write(`pgwitness: the server log cannot be written: ${error.message}\n`)
  })
  return {
    logger: pino(base, stream),
    fallback: { path: join(dirname(options.file), 'current.log') },
    close: () =>
      new Promise((resolve) => {
        stream.once('close', () => resolve())
        stream.end()
      }),
  }
}
