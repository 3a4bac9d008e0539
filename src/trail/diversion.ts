import type { Batch } from './batch.js'
import { type ControlWords, FencedError } from './control-words.js'
import type { DiversionRange, ServerLogSink } from './server-log-sink.js'
import { heldUp } from './write-failure.js'

/** A diversion that a dead writer began: its hash died with it, its range did not. */
export type UnfinishedRange = Omit<DiversionRange, 'sha256'>

/**
 * The time during which records go to the server log, with its books: what the log holds of them
 * stands in shared memory too, so that a successor can name it when this writer dies.
 */
export class Diversion {
  readonly #log: ServerLogSink
  readonly #control: ControlWords
  #unfinished: UnfinishedRange | undefined
  /** Whether the log can be written to, as far as is known. */
  takes = false

  constructor(log: ServerLogSink, control: ControlWords) {
    this.#log = log
    this.#control = control
    const records = control.counter('period_records')
    if (records === 0) return
    this.#unfinished = {
      from_seq: control.counter('period_from'),
      to_seq: control.counter('period_to'),
      records,
    }
  }

  /**
   * What the log holds of this diversion, what a dead writer sent there included; undefined when
   * that is nothing.
   */
  get range(): UnfinishedRange | DiversionRange | undefined {
    const range = this.#log.range()
    const unfinished = this.#unfinished
    if (unfinished === undefined || range === undefined) return unfinished ?? range
    return {
      from_seq: Math.min(unfinished.from_seq, range.from_seq),
      to_seq: Math.max(unfinished.to_seq, range.to_seq),
      records: unfinished.records + range.records,
    }
  }

  /** The diversion of a dead writer, which goes on until a file names it. */
  get unfinished(): UnfinishedRange | undefined {
    return this.#unfinished
  }

  /** Opens the log when it is not open. Throws a WriteFailure. */
  open(): void {
    if (this.#control.isHeldUp('log')) throw heldUp('the server log')
    this.#log.open()
    this.takes = true
  }

  /** Writes the records to the log; a WriteFailure says how many are safe. */
  write(batch: Batch): void {
    const before = this.#log.range()?.records ?? 0
    try {
      this.#log.write(batch)
    } catch (error) {
      // The books are another's by now.
      if (!(error instanceof FencedError)) this.#keepBooks(before)
      throw error
    }
    this.#keepBooks(before)
  }

  /** Gives the log back after it failed; the diversion goes on when it is opened again. */
  interrupt(): void {
    this.takes = false
    this.#log.close()
  }

  /** A file takes records again, and has named the range. */
  end(): void {
    this.takes = false
    this.#log.end()
    this.#unfinished = undefined
    this.#clearPeriod()
  }

  #keepBooks(before: number): void {
    const records = this.#log.range()?.records ?? 0
    this.#control.setCounter('diverted', this.#control.counter('diverted') + records - before)
    const { range } = this
    if (range === undefined) return
    this.#control.setCounter('period_from', range.from_seq)
    this.#control.setCounter('period_to', range.to_seq)
    this.#control.setCounter('period_records', range.records)
  }

  #clearPeriod(): void {
    this.#control.setCounter('period_from', 0)
    this.#control.setCounter('period_to', 0)
    this.#control.setCounter('period_records', 0)
  }
}
