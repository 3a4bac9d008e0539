import { InvariantError } from '../lib/assert.js'

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

/** The system's name for an error, or `UNKNOWN`. */
export function errnoOf(error: unknown): string {
  if (error instanceof WriteFailure) return error.errno
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}

/** An error of the system as a failure. What is a mistake of our own is thrown on: it is no failure. */
export function asFailure(error: unknown, during: WriteFailure['during']): WriteFailure {
  if (error instanceof WriteFailure) return error
  if (error instanceof InvariantError || error instanceof TypeError) throw error
  return new WriteFailure(during, error)
}
