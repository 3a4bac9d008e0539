import type { ErrorFields } from '../wire/backend-messages.js'

/** What an error (or a last warning) says, apart from the request that it concerns. */
export interface Said {
  readonly sqlstate: string
  readonly message: string
}

export const nothing_said: Said = { sqlstate: '', message: '' }

/**
 * What the server said last, should the connection end. FATAL is that for certain. A process that
 * is told to end where it must not fail (it has committed and waits for a standby; another process
 * crashed) warns and closes the connection, so a warning counts until another answer follows.
 */
export class LastWord {
  #said: Said = nothing_said
  /** True after FATAL: the server says nothing more and runs nothing more. */
  fatal = false

  get said(): Said {
    return this.#said
  }

  ended({ sqlstate, message }: ErrorFields): void {
    this.fatal = true
    this.#said = { sqlstate, message }
  }

  warned({ sqlstate, message }: ErrorFields): void {
    if (!this.fatal) this.#said = { sqlstate, message }
  }

  /** An answer came: a warning before it was not the last word. */
  overheard(): void {
    if (!this.fatal) this.#said = nothing_said
  }
}
