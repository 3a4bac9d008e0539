import { assert } from '../lib/assert.js'

/**
 * A ring of records in shared memory, one producer, one consumer.
 *
 *      tail ............ read ............ head
 *      written, but      not yet           next record
 *      not durable       written           goes here
 *
 * Positions count bytes since the ring was made and never go back; a position modulo the capacity
 * is the place in the data. Only what lies before `tail` may be overwritten, so whoever dies
 * between `tail` and `head` has lost nothing: a new consumer begins at `tail`.
 *
 * A record is a frame: [i32 length][i32 flags][f64 seq, 0 = not numbered][bytes], rounded up to
 * the header's size. A frame is never split: a padding frame fills the end of the data.
 */
const header_bytes = 16
const flag_pad = 1

/** Head and tail stand in cache lines of their own, since two threads write them. */
const head_word = 0
const tail_word = 8
const data_offset = 128

function frameBytes(length: number): number {
  return header_bytes + Math.ceil(length / header_bytes) * header_bytes
}

/** Allocates a ring that holds about `bytes` of records. */
export function createRing(bytes: number): SharedArrayBuffer {
  const capacity = Math.ceil(bytes / header_bytes) * header_bytes
  return new SharedArrayBuffer(data_offset + capacity)
}

/** The bytes of a ring's data, whole frames included. */
export function ringCapacity(ring: SharedArrayBuffer): number {
  return ring.byteLength - data_offset
}

/** Views of one ring, the same on both sides. */
class RingViews {
  readonly positions: BigInt64Array
  readonly words: Int32Array
  readonly stamps: Float64Array
  readonly bytes: Buffer
  readonly capacity: number

  constructor(ring: SharedArrayBuffer) {
    this.positions = new BigInt64Array(ring, 0, data_offset / 8)
    this.words = new Int32Array(ring, data_offset)
    this.stamps = new Float64Array(ring, data_offset)
    this.bytes = Buffer.from(ring, data_offset)
    this.capacity = ringCapacity(ring)
  }

  load(word: number): number {
    return Number(Atomics.load(this.positions, word))
  }

  store(word: number, position: number): void {
    Atomics.store(this.positions, word, BigInt(position))
  }

  /** Length of the frame's bytes, from a position within the published part. */
  length(position: number): number {
    return this.words[(position % this.capacity) / 4] ?? 0
  }

  isPad(position: number): boolean {
    return this.words[(position % this.capacity) / 4 + 1] === flag_pad
  }

  seq(position: number): number {
    return this.stamps[(position % this.capacity) / 8 + 1] ?? 0
  }

  writeHeader(position: number, length: number, flags: number): void {
    const word = (position % this.capacity) / 4
    this.words[word] = length
    this.words[word + 1] = flags
  }

  stamp(position: number, seq: number): void {
    this.stamps[(position % this.capacity) / 8 + 1] = seq
  }
}

/** The side that appends. Its methods never wait. */
export class RingProducer {
  readonly #views: RingViews
  #head: number
  #tail_seen: number
  #last = -1

  constructor(ring: SharedArrayBuffer) {
    this.#views = new RingViews(ring)
    this.#head = this.#views.load(head_word)
    this.#tail_seen = this.#views.load(tail_word)
  }

  /** The end of what was appended. */
  get head(): number {
    return this.#head
  }

  /** The end of what is acknowledged. */
  get tail(): number {
    this.#tail_seen = this.#views.load(tail_word)
    return this.#tail_seen
  }

  get capacity(): number {
    return this.#views.capacity
  }

  /**
   * Appends one record, encoded straight into the shared memory; false when there is no room now.
   * `seq` numbers it before it is published. Throws when the record can never fit.
   */
  append(text: string, seq = 0): boolean {
    const views = this.#views
    const most = text.length * 3
    // Measuring costs a pass over the text: it is done only where the worst case would not fit.
    const fits = this.#fits(frameBytes(most))
    const length = fits ? most : Buffer.byteLength(text)
    if (!fits && !this.#reserve(frameBytes(length))) return false
    const start = (this.#head % views.capacity) + header_bytes
    const written = views.bytes.write(text, start, length)
    views.writeHeader(this.#head, written, 0)
    views.stamp(this.#head, seq)
    this.#last = this.#head
    this.#head += frameBytes(written)
    views.store(head_word, this.#head)
    return true
  }

  /** Takes back the newest record. Only for a producer that is its own consumer. */
  retract(): void {
    assert(this.#last >= 0, 'only the newest record of a ring can be taken back')
    this.#head = this.#last
    this.#last = -1
    this.#views.store(head_word, this.#head)
  }

  /** Whether a record of `length` bytes would be taken, or the ring is empty. */
  hasRoom(length: number): boolean {
    return this.#free(frameBytes(length)) || this.#head === this.#tail_seen
  }

  /** Whether a frame fits without a look at the other side and without padding. */
  #fits(size: number): boolean {
    const { capacity } = this.#views
    return (
      capacity - (this.#head % capacity) >= size &&
      capacity - (this.#head - this.#tail_seen) >= size
    )
  }

  #free(size: number): boolean {
    const { capacity } = this.#views
    if (capacity - (this.#head - this.#tail_seen) >= size) return true
    return capacity - (this.#head - this.tail) >= size
  }

  /** Makes room for a frame in one piece, padding the end of the data when it must. */
  #reserve(size: number): boolean {
    const { capacity } = this.#views
    assert(size <= capacity, `a record of ${size} bytes can never fit a ring of ${capacity}`)
    const to_end = capacity - (this.#head % capacity)
    if (size > to_end) {
      if (!this.#free(to_end)) return false
      // The padding is published by itself: a record as large as the ring fits only once the
      // consumer has passed it.
      this.#views.writeHeader(this.#head, to_end - header_bytes, flag_pad)
      this.#head += to_end
      this.#last = -1
      this.#views.store(head_word, this.#head)
    }
    return this.#free(size)
  }
}

/** The side that takes. `peek` finds the next record; the members then describe that record. */
export class RingConsumer {
  readonly #views: RingViews
  #tail: number
  #read: number
  #head_seen: number

  constructor(ring: SharedArrayBuffer) {
    this.#views = new RingViews(ring)
    this.#tail = this.#views.load(tail_word)
    this.#read = this.#tail
    this.#head_seen = this.#views.load(head_word)
  }

  /** Position of the next record. */
  get position(): number {
    return this.#read
  }

  get tail(): number {
    return this.#tail
  }

  /** Bytes that wait to be read. */
  get waiting(): number {
    this.#head_seen = this.#views.load(head_word)
    return this.#head_seen - this.#read
  }

  /** Bytes of the next record; valid after `peek` answered true. */
  get length(): number {
    return this.#views.length(this.#read)
  }

  /** The next record's number, 0 when it has none; valid after `peek` answered true. */
  get seq(): number {
    return this.#views.seq(this.#read)
  }

  /** Whether there is a record to read. */
  peek(): boolean {
    for (;;) {
      if (this.#read === this.#head_seen && this.waiting === 0) return false
      if (!this.#views.isPad(this.#read)) return true
      const next = this.#read + frameBytes(this.length)
      if (this.#read === this.#tail) this.#moveTail(next)
      this.#read = next
    }
  }

  /** Numbers the next record for good: whoever reads it again finds the number. */
  stamp(seq: number): void {
    this.#views.stamp(this.#read, seq)
  }

  /** Copies the next record's bytes. */
  copyTo(target: Buffer, offset: number): void {
    const start = (this.#read % this.#views.capacity) + header_bytes
    this.#views.bytes.copy(target, offset, start, start + this.length)
  }

  /** Goes on to the record behind the next one. */
  advance(): void {
    this.#read += frameBytes(this.length)
  }

  /** Reads again from the first record that is not acknowledged. */
  rewind(): void {
    this.#read = this.#tail
    this.#head_seen = this.#views.load(head_word)
  }

  /** All records before `position` are safe: their place may be used again. */
  acknowledge(position: number): void {
    assert(position <= this.#read, 'acknowledged what was not read')
    // Who acknowledges the same records again names the place before the padding behind them.
    if (position < this.#tail) return
    // Padding behind the last record is passed too, or a producer that waits for it waits for ever.
    const padded = position < this.#read && this.#views.isPad(position)
    this.#moveTail(padded ? position + frameBytes(this.#views.length(position)) : position)
  }

  /** The highest number given to a record that is not acknowledged, 0 when there is none. */
  highestStamp(): number {
    let highest = 0
    const head = this.#views.load(head_word)
    for (let at = this.#tail; at < head; at += frameBytes(this.#views.length(at))) {
      if (!this.#views.isPad(at)) highest = Math.max(highest, this.#views.seq(at))
    }
    return highest
  }

  #moveTail(position: number): void {
    this.#tail = position
    this.#views.store(tail_word, position)
  }
}
