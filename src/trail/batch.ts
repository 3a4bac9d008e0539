import type { Backlog, Mark } from './backlog.js'
import type { TrailIdentity } from './trail-options.js'

const newline = 0x0a

/** A batch is written when it holds this much, so that a write call pays for many records. */
const full_bytes = 1024 * 1024

/** Longest `{"v":1,"trail":"…","epoch":…,"seq":…,` and the newline. */
const frame_bytes = 256

/**
 * Whole lines on their way to a file or to the server log, each as it stands on disk, with what is
 * needed to acknowledge a part of them. The memory is used again for each batch.
 */
export class Batch {
  readonly #head: string | undefined
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #bytes = 0
  readonly #ends: number[] = []
  readonly #seqs: number[] = []
  readonly #marks: Mark[] = []

  constructor(format: 'json' | 'csv', identity: TrailIdentity) {
    this.#head =
      format === 'json'
        ? `{"v":1,"trail":${JSON.stringify(identity.trail)},"epoch":${identity.epoch},"seq":`
        : undefined
  }

  get records(): number {
    return this.#ends.length
  }

  /** All the bytes; valid until the batch is cleared. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#bytes)
  }

  get isFull(): boolean {
    return this.#bytes >= full_bytes
  }

  /** One record's bytes, its newline included; valid until the batch is cleared. */
  line(index: number): Buffer {
    return this.#buffer.subarray(this.#ends[index - 1] ?? 0, this.#ends[index])
  }

  seq(index: number): number {
    return this.#seqs[index] ?? 0
  }

  /** The place in the backlog behind the first `records` records; undefined for 0. */
  markAfter(records: number): Mark | undefined {
    return this.#marks[records - 1]
  }

  /** How many whole records the first `bytes` bytes hold. */
  recordsWithin(bytes: number): number {
    let records = 0
    while (records < this.#ends.length && (this.#ends[records] ?? 0) <= bytes) records++
    return records
  }

  /** Bytes of the first `records` records. */
  bytesOf(records: number): number {
    return this.#ends[records - 1] ?? 0
  }

  /** Takes the record that `backlog.peek` found, numbers it, and completes its line. */
  add(backlog: Backlog): void {
    const length = backlog.length
    this.#grow(this.#bytes + length + frame_bytes)
    const seq = backlog.number()
    let at = this.#bytes
    if (this.#head !== undefined) at += this.#buffer.write(`${this.#head}${seq},`, at, 'latin1')
    backlog.take(this.#buffer, at)
    at += length
    // The formats leave the last line end to us; one that is there already is enough.
    if (this.#buffer[at - 1] !== newline) this.#buffer[at++] = newline
    this.#close(at, seq)
    this.#marks.push(backlog.mark())
  }

  /** Adds a rendered record with a number of its own: the head of a file. It has no mark. */
  addHead(rendered: string, seq: number): void {
    this.#grow(this.#bytes + rendered.length * 3 + frame_bytes)
    const end = rendered.endsWith('\n') ? '' : '\n'
    const head = this.#head === undefined ? '' : `${this.#head}${seq},`
    const line = `${head}${rendered}${end}`
    this.#close(this.#bytes + this.#buffer.write(line, this.#bytes), seq)
  }

  clear(): void {
    this.#bytes = 0
    this.#ends.length = 0
    this.#seqs.length = 0
    this.#marks.length = 0
  }

  #close(end: number, seq: number): void {
    this.#bytes = end
    this.#ends.push(end)
    this.#seqs.push(seq)
  }

  #grow(bytes: number): void {
    if (bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#bytes)
    this.#buffer = larger
  }
}
