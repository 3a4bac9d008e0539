import { limits } from '../lib/limits.js'

/** At `at_ms`, the last time that somebody looked, nothing behind `position` had been appended. */
interface Mark {
  readonly position: number
  at_ms: number
}

/**
 * How long the oldest record that is not safe has waited, as exactly as it is asked to look: to
 * note the time of each record would cost each record.
 */
export class UnsavedAge {
  #marks: Mark[]
  /** Least time between two marks, in milliseconds: it grows while a writer hangs. */
  #spacing_ms = 0

  constructor(now_ms: number) {
    this.#marks = [{ position: 0, at_ms: now_ms }]
  }

  /** To be called now and then with the ends of what was appended and of what is safe. */
  look(appended: number, saved: number, now_ms: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && last.position === appended) {
      last.at_ms = now_ms
    } else if (last === undefined || now_ms - last.at_ms >= this.#spacing_ms) {
      this.#marks.push({ position: appended, at_ms: now_ms })
    }
    const first = this.#marks.findLastIndex(({ position }) => position <= saved)
    if (first > 0) this.#marks.splice(0, first)
    if (this.#marks.length === 1) this.#spacing_ms = 0
    if (this.#marks.length <= limits.age_marks) return
    this.#marks = this.#marks.filter((_, index) => index % 2 === 0)
    this.#spacing_ms = (2 * (now_ms - (this.#marks[0]?.at_ms ?? now_ms))) / limits.age_marks
  }

  /** Milliseconds, rather too many than too few; 0 when all is safe. */
  age(appended: number, saved: number, now_ms: number): number {
    if (saved >= appended) return 0
    const before = this.#marks.findLast(({ position }) => position <= saved) ?? this.#marks[0]
    return before === undefined ? 0 : Math.max(0, now_ms - before.at_ms)
  }
}
