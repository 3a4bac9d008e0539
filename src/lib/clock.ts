/** The time as the pure parts see it: given to them, never read by them. */
export interface Clock {
  /** Microseconds since 1970 (UTC), never going backwards by more than a correction of the wall clock. */
  nowMicroseconds(): number
}

/** How far the monotonic clock may drift from the wall clock before it is set anew, in milliseconds. */
const drift_ms = 2

/**
 * Microseconds from the monotonic clock, anchored to the wall clock. `Date.now` alone has only
 * milliseconds, and the monotonic clock alone would miss corrections during months of running.
 */
export class SystemClock implements Clock {
  #anchor_us = Date.now() * 1000 - performance.now() * 1000

  nowMicroseconds(): number {
    const now_us = this.#anchor_us + performance.now() * 1000
    const wall_ms = Date.now()
    const difference_ms = wall_ms - now_us / 1000
    if (difference_ms > drift_ms || difference_ms < -drift_ms) {
      this.#anchor_us += difference_ms * 1000
      return wall_ms * 1000
    }
    return Math.floor(now_us)
  }
}
