import { rotationTime } from './rotation-time.js'
import type { TrailOptions } from './trail-options.js'
import type { WriterClock } from './writer-clock.js'

/** Time before a rotation that could not be done is tried again. */
const postponed_ms = 5_000

/** A wall clock that has gone back by more than this has been set, not corrected. */
const set_back_ms = 1_000

/** When the open file is to be followed by another one. */
export class RotationPlan {
  readonly #options: Pick<TrailOptions, 'rotate' | 'time_zone'>
  readonly #clock: WriterClock
  #begun_ms = 0
  #due_ms = Number.POSITIVE_INFINITY
  #not_before_ms = 0

  constructor(options: Pick<TrailOptions, 'rotate' | 'time_zone'>, clock: WriterClock) {
    this.#options = options
    this.#clock = clock
  }

  /** A file was opened. */
  begin(): void {
    const { rotate, time_zone } = this.#options
    this.#begun_ms = this.wall_ms
    this.#due_ms = rotationTime(this.#begun_ms, rotate.age_ms, time_zone)
    this.#not_before_ms = 0
  }

  /** A rotation could not be done. */
  postpone(): void {
    this.#not_before_ms = this.#clock.monotonicMilliseconds() + postponed_ms
  }

  /** Whether the file is old enough. A clock that was set back does not make it last for years. */
  get by_age(): boolean {
    if (this.wall_ms < this.#begun_ms - set_back_ms) this.begin()
    return this.wall_ms >= this.#due_ms && !this.#postponed
  }

  /** Whether it would be too large, with what is on its way to it. */
  bySize(records: number, bytes: number): boolean {
    const { size_bytes } = this.#options.rotate
    // A file with nothing but its head would be followed by another one for ever.
    if (size_bytes === 0 || records < 2 || bytes <= size_bytes) return false
    return !this.#postponed
  }

  /** Milliseconds until a rotation by age may be due. */
  get idle_ms(): number {
    const now_ms = this.#clock.monotonicMilliseconds()
    return Math.max(this.#due_ms - this.wall_ms, this.#not_before_ms - now_ms)
  }

  /** The time that names and rotations go by. */
  get wall_ms(): number {
    return Math.floor(this.#clock.nowMicroseconds() / 1000)
  }

  get #postponed(): boolean {
    return this.#clock.monotonicMilliseconds() < this.#not_before_ms
  }
}
