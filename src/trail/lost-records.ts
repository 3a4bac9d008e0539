import { limits } from '../lib/limits.js'
import { formatUtc } from '../record/format-time.js'
import type { TrailLog } from './trail-options.js'
import type { GapDetail } from './writer-messages.js'

/**
 * The records that are kept nowhere while `on_failure: continue` lets statements pass: counted one
 * by one until `audit.gap` can tell of them. And the alert that is repeated while nothing can be
 * written, whatever `on_failure` says.
 */
export class LostRecords {
  readonly #log: TrailLog
  /** Since the start. */
  total = 0
  #records = 0
  #bytes = 0
  #from_us = 0
  #to_us = 0
  #alert_ms = Number.NEGATIVE_INFINITY

  constructor(log: TrailLog) {
    this.#log = log
  }

  /** Records that no `audit.gap` tells of yet. */
  get records(): number {
    return this.#records
  }

  get gap(): GapDetail | undefined {
    if (this.#records === 0) return undefined
    const [from, to] = [formatUtc(this.#from_us), formatUtc(this.#to_us)]
    return { records: this.#records, bytes: this.#bytes, from, to }
  }

  /** One more record is not kept. */
  count(bytes: number, time_us: number): void {
    if (this.#records === 0) {
      this.#from_us = time_us
      this.#log.error(
        { code: 'audit.gap' },
        'records are not kept from now on: on_failure is continue',
      )
    }
    this.#records++
    this.#bytes += bytes
    // A clock that is set back does not turn the gap around.
    this.#to_us = Math.max(this.#from_us, time_us)
    this.total++
  }

  /** The gap is on record: another one would begin anew. */
  told(gap: GapDetail): void {
    this.#log.warn({ code: 'audit.gap', ...gap }, 'records are kept again')
    this.#records = 0
    this.#bytes = 0
  }

  /** Records can be kept again: the next failure is told at once. */
  recovered(): void {
    this.#alert_ms = Number.NEGATIVE_INFINITY
  }

  /** Called often while nothing can be written; tells of it now and then. */
  tellOfFailure(queued_bytes: number): void {
    const now_ms = performance.now()
    if (now_ms - this.#alert_ms < limits.failure_alert_ms) return
    this.#alert_ms = now_ms
    this.#log.error(
      { code: 'trail.failed', lost_records: this.total, queued_bytes },
      'records can be written neither to the audit directory nor to the server log',
    )
  }
}
