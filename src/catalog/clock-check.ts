import { limits } from '../lib/limits.js'
import type { CatalogLog } from './side-connection.js'

/** One look at the server's clock, in milliseconds since 1970. */
export interface ClockReading {
  readonly server_ms: number
  /** Our own clock before the question and after the answer. */
  readonly asked_ms: number
  readonly answered_ms: number
}

/**
 * How far the server's clock is ahead of ours at least, in milliseconds, negative when it is behind;
 * 0 where the answer's way could explain the difference.
 */
export function clockOffset({ server_ms, asked_ms, answered_ms }: ClockReading): number {
  if (server_ms > answered_ms) return server_ms - answered_ms
  return server_ms < asked_ms ? server_ms - asked_ms : 0
}

/** Tells once when the clocks are far apart, and once when they agree again. */
export class ClockCheck {
  readonly #log: CatalogLog
  #far = false

  constructor(log: CatalogLog) {
    this.#log = log
  }

  compare(reading: ClockReading): void {
    const offset_ms = clockOffset(reading)
    const far = Math.abs(offset_ms) > limits.clock_offset_ms
    if (far === this.#far) return
    this.#far = far
    if (!far) {
      this.#log.info({ offset_ms }, 'the clocks of this machine and of the server agree again')
      return
    }
    const seconds = Math.round(Math.abs(offset_ms) / 1000)
    const side = offset_ms > 0 ? 'behind' : 'ahead of'
    this.#log.warn(
      {
        code: 'clock.far_off',
        offset_ms,
        hint: 'The time in records is that of this machine: keep its clock, and the server’s, by NTP.',
      },
      `the clock of this machine is ${seconds} s ${side} the server's`,
    )
  }
}
