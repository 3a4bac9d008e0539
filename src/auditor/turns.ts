import { Fifo } from '../lib/fifo.js'

/**
 * Work that is too long for one turn of the relay loop, such as a Query of a hundred thousand
 * statements: it goes on behind whatever the loop has waiting, one piece of one session a turn.
 */
export class Turns {
  readonly #soon: (callback: () => void) => void
  /** One entry for each session at most, so it needs no bound of its own. */
  readonly #waiting = new Fifo<() => void>()

  /** `soon` calls back once, when the loop has seen to its sockets. */
  constructor(soon: (callback: () => void) => void) {
    this.#soon = soon
  }

  /** `go_on` is called in its turn. */
  take(go_on: () => void): void {
    this.#waiting.push(go_on)
    if (this.#waiting.length === 1) this.#soon(this.#next)
  }

  readonly #next = (): void => {
    const go_on = this.#waiting.peek()
    try {
      go_on?.()
    } finally {
      this.#waiting.shift()
      if (this.#waiting.length > 0) this.#soon(this.#next)
    }
  }
}
