import { limits } from '../lib/limits.js'
import { followsFailure } from './file-links.js'
import { readAuditLine } from './read-audit-line.js'
import { readHead } from './sequence-check.js'

/** The keys that tell a record from all others stand in its first characters, and are ASCII. */
const head_chars = 140

interface Range {
  readonly from: number
  readonly to: number
}

/**
 * Knows the JSON records that stand in a trail twice. A writer whose file failed writes again what
 * it cannot be sure of, with the same numbers, behind a first record that has a higher one: so it
 * is not the order that tells which of them were seen, but the numbers that were not.
 */
export class RepeatFilter {
  /** The start that numbers belong to, the highest seen, and what was not seen below it. */
  #start = ''
  #highest = 0
  #unseen: Range[] = []
  #at_head = true
  #may_repeat = false

  /** A new file begins. */
  beginFile(): void {
    this.#at_head = true
  }

  /** False for a record that was given before. Records are to be asked about in their order. */
  isNew(line: string): boolean {
    if (this.#at_head) {
      this.#at_head = false
      this.#may_repeat = followsFailure(readAuditLine(Buffer.from(line), 'json'))
    }
    const head = readHead(Buffer.from(line.slice(0, head_chars), 'latin1'))
    if (head === undefined) return true
    const start = `${head.trail} ${head.epoch}`
    if (start !== this.#start) {
      this.#start = start
      this.#highest = 0
      this.#unseen = []
    }
    return this.#take(head.seq) || !this.#may_repeat
  }

  /** True when the number was not seen before. */
  #take(seq: number): boolean {
    if (seq > this.#highest) {
      if (seq > this.#highest + 1) this.#unseen.push({ from: this.#highest + 1, to: seq - 1 })
      this.#highest = seq
      // Rather a record twice than none.
      if (this.#unseen.length > limits.verify_gaps) this.#unseen = [{ from: 1, to: seq - 1 }]
      return true
    }
    const index = this.#unseen.findIndex(({ from, to }) => from <= seq && seq <= to)
    const range = this.#unseen[index]
    if (range === undefined) return false
    const rest = [
      { from: range.from, to: seq - 1 },
      { from: seq + 1, to: range.to },
    ].filter(({ from, to }) => from <= to)
    this.#unseen.splice(index, 1, ...rest)
    return true
  }
}
