import { InvariantError } from '../lib/assert.js'
import { FencedError } from './control-words.js'

/** A write or sync that did not succeed, and what of it did. */
export class WriteFailure extends Error {
  /** What was being done. */
  readonly during: 'open' | 'write' | 'sync'
  /** The system's name for the error (`ENOSPC`), or `UNKNOWN`. */
  readonly errno: string
  /** Records of the batch that are whole in the file or log. */
  readonly whole_records: number

  constructor(during: WriteFailure['during'], cause: unknown, whole_records = 0) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'WriteFailure'
    this.during = during
    this.errno = errnoOf(cause)
    this.whole_records = whole_records
  }
}

/** Throws a FencedError on: who must touch nothing any more has no error to deal with. */
export function passFenced(error: unknown): void {
  if (error instanceof FencedError) throw error
}

/** The system's name for an error, or `UNKNOWN`. Throws a FencedError on. */
export function errnoOf(error: unknown): string {
  passFenced(error)
  if (error instanceof WriteFailure) return error.errno
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}

/** The failure of what a former writer is held up in, and of what would be held up there as well. */
export function heldUp(what: string): WriteFailure {
  const message = `${what} has not answered a writer since the limit of audit.stuck_timeout`
  return new WriteFailure('open', Object.assign(new Error(message), { code: 'ETIMEDOUT' }))
}

/** An error of the system as a failure. What is a mistake of our own is thrown on: it is no failure. */
export function asFailure(error: unknown, during: WriteFailure['during']): WriteFailure {
  if (error instanceof WriteFailure) return error
  if (error instanceof FencedError || error instanceof InvariantError || error instanceof TypeError)
    throw error
  return new WriteFailure(during, error)
}
