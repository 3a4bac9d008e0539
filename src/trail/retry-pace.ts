import type { WriterClock } from './writer-clock.js'

/** Waits between attempts to go back to a file: doubled from the first to the second. */
const retry_min_ms = 100
const retry_max_ms = 5_000

/** A file that lasted this long failed by a new cause: it is replaced at once, waits begin anew. */
const stable_ms = 5_000

/** How soon to try again what has failed. */
export class RetryPace {
  readonly #clock: WriterClock
  #opened_ms = 0
  #at_ms = Number.POSITIVE_INFINITY
  #delay_ms = retry_min_ms

  constructor(clock: WriterClock) {
    this.#clock = clock
  }

  /** A file takes records. */
  opened(): void {
    this.#opened_ms = this.#clock.monotonicMilliseconds()
  }

  /** The file takes no more. Answers whether it lasted long enough to be replaced at once. */
  failed(): boolean {
    const stable = this.#clock.monotonicMilliseconds() - this.#opened_ms >= stable_ms
    if (stable) this.#delay_ms = retry_min_ms
    else this.#lengthen()
    return stable
  }

  /** Waits from now on. */
  wait(): void {
    this.#at_ms = this.#clock.monotonicMilliseconds() + this.#delay_ms
  }

  /** An attempt was in vain: the next one has more time. */
  inVain(): void {
    this.#lengthen()
    this.wait()
  }

  get is_due(): boolean {
    return this.idle_ms <= 0
  }

  /** Milliseconds until the next attempt. */
  get idle_ms(): number {
    return this.#at_ms - this.#clock.monotonicMilliseconds()
  }

  #lengthen(): void {
    this.#delay_ms = Math.min(this.#delay_ms * 2, retry_max_ms)
  }
}
