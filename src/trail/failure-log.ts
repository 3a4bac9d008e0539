import type { WriteFailure } from './write-failure.js'
import type { WriterMessage } from './writer-messages.js'

/** What the writer says in the server log of its work. */
export class FailureLog {
  readonly #report: (message: WriterMessage) => void
  #told_cause = ''

  constructor(report: (message: WriterMessage) => void) {
    this.#report = report
  }

  log(level: 'info' | 'warn' | 'error', object: object, message: string): void {
    this.#report({ kind: 'log', level, object, message })
  }

  /** What failed without harm to any record; nothing when `errno` says that nothing did. */
  warn(errno: string | undefined, message: string): void {
    if (errno !== undefined) this.log('warn', { errno }, message)
  }

  /** One line for each new cause, not one for each attempt. */
  failure(failure: WriteFailure, message: string): void {
    const cause = `${failure.errno} ${message}`
    if (cause === this.#told_cause) return
    this.#told_cause = cause
    const { during, errno, message: reason } = failure
    this.log('error', { code: 'trail.write_failed', during, errno, reason }, message)
  }

  /** All is well again: the next failure is told of, whatever its cause. */
  forget(): void {
    this.#told_cause = ''
  }
}
