import { type EventEmitter, once } from 'node:events'
import { lstatSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { destination, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import buildRoll, { type RollStream } from 'pino-roll'
import { WitnessError } from '../errors.js'

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
 * The longest age that pino-roll can wait for: it sets one timer, and a timer of more than 2^31 ms
 * (24.8 days) is due at once, which would begin a new file every millisecond.
 */
const roll_max_ms = 24 * day_ms

/** Only its owner reads it: audit records may come to stand in it. */
const file_mode = 0o600

/** Time for the last lines to go out, in milliseconds: nobody may be reading. */
const end_max_ms = 2_000

/** Lines that wait for a reader of stderr, in characters; more are dropped. */
const waiting_max_chars = 1024 * 1024

/**
 * Opens the server log: JSON lines to stderr, readable ones when that is a terminal; or a file
 * that pino-roll rotates (`server.log` gives `server.1.log`, …, and `current.log` beside them).
 * Rejects with WitnessError `server_log.unwritable`.
 */
export async function openServerLog(options: ServerLogOptions): Promise<ServerLog> {
  const base = { level: options.level, base: { pid: process.pid } }
  const { file, rotate } = options
  if (file === undefined) {
    const fallback = { fd: 2 }
    const stream = openStderr()
    if (process.stderr.isTTY) {
      const terminal = pretty({ destination: stream, ignore: 'pid' })
      const write = (line: string) => terminal.write(harmlessLine(line))
      return { logger: pino(base, { write }), fallback, close: () => end(terminal) }
    }
    return { logger: pino(base, stream), fallback, close: () => end(stream) }
  }
  const stream = await openFile(file, rotate.age_ms)
  // A server log that cannot be written must not end the process: stderr is told instead.
  stream.on('error', (error) => {
    process.stderr.write(`pgwitness: the server log cannot be written: ${error.message}\n`)
  })
  const logger = pino(base, stream)
  return {
    logger,
    fallback: { path: currentLink(file) },
    close: () => {
      // Who still has something to say after this says it to nobody: the stream would throw.
      logger.level = 'silent'
      return end(stream)
    },
  }
}

/** In the background: a reader of our stderr that stands still must not hold up the sessions. */
function openStderr() {
  const stream = destination({ fd: 2, sync: false, maxLength: waiting_max_chars })
  // There is no second place to tell it; the trail thread finds out by itself when it needs stderr.
  stream.on('error', () => {})
  return stream
}

/** What a terminal obeys, or shows in another order than it stands; line ends and tabs are not. */
const obeyed = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/**
 * A line of JSON whose texts can do nothing to a terminal: names of users and words of servers
 * stand in them. pino-pretty writes what the escapes of JSON stand for.
 */
function harmlessLine(line: string): string {
  // One escape at a time, or a backslash that is itself escaped would seem to begin one.
  const plain = line.replaceAll(/\\(?:u[0-9a-fA-F]{4}|.)/g, (escaped) => {
    if (!escaped.startsWith('\\u')) return /^\\[bfr]$/.test(escaped) ? '\ufffd' : escaped
    const character = String.fromCharCode(Number.parseInt(escaped.slice(2), 16))
    return character.replace(obeyed, '\ufffd') === character ? escaped : '\ufffd'
  })
  return `${plain.trimEnd().replaceAll(obeyed, '\ufffd')}\n`
}

async function openFile(file: string, age_ms: number): Promise<RollStream> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const link = lstatSync(currentLink(file), { throwIfNoEntry: false })
    if (link !== undefined && !link.isSymbolicLink()) {
      throw new Error(`${currentLink(file)} is in the way: it shall be a link to the newest file`)
    }
    const stream = await buildRoll({ file, symlink: true, mode: file_mode, ...frequency(age_ms) })
    await once(stream, 'ready')
    return stream
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new WitnessError('server_log.unwritable', `the server log cannot be opened: ${reason}`, {
      cause,
    })
  }
}

function currentLink(file: string): string {
  return join(dirname(file), 'current.log')
}

function frequency(age_ms: number): { readonly frequency?: 'daily' | number } {
  if (age_ms === 0) return {}
  return { frequency: age_ms === day_ms ? 'daily' : Math.min(age_ms, roll_max_ms) }
}

/** The last lines go out, unless they cannot: the end of the process does not wait for ever. */
function end(stream: Pick<EventEmitter, 'once'> & { end(): unknown }): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, end_max_ms)
    const finish = () => {
      clearTimeout(timer)
      resolve()
    }
    stream.once('close', finish)
    stream.once('error', finish)
    stream.end()
  })
}
