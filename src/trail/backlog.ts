import { assert } from '../lib/assert.js'
import { ControlWords, type TrailMemory } from './control-words.js'
import { RingConsumer, RingProducer } from './ring.js'

/** A place in the backlog: everything before it can be acknowledged together. */
export interface Mark {
  readonly queue_position: number
  readonly notes_position: number
  /** Records of the queue before this place, since this backlog was made. */
  readonly queue_records: number
}

/**
 * What is to be written, in the order of its numbers: the records of the queue and the trail's own
 * (the notes). A record gets its number when it is first taken, in the shared memory, before it is
 * written anywhere; who takes it again after a failure, or after the death of a writer, finds the
 * same number, so that a repeat is identical byte for byte.
 */
export class Backlog {
  readonly #queue: RingConsumer
  readonly #notes: RingConsumer
  readonly #noter: RingProducer
  readonly #control: ControlWords
  #next_seq: number
  #skipped_seq = 0
  #from: RingConsumer
  #queue_records = 0
  #acknowledged_records = 0
  readonly #acknowledged_before: number

  constructor(memory: TrailMemory) {
    this.#queue = new RingConsumer(memory.queue)
    this.#notes = new RingConsumer(memory.notes)
    this.#noter = new RingProducer(memory.notes)
    this.#control = new ControlWords(memory.control)
    this.#from = this.#queue
    this.#acknowledged_before = this.#control.counter('acknowledged')
    this.#next_seq = Math.max(
      this.#control.counter('next_seq'),
      this.#queue.highestStamp() + 1,
      this.#notes.highestStamp() + 1,
    )
  }

  /** Adds a record of the trail's own, numbered at once. Returns its number. */
  note(rendered: string): number {
    const seq = this.#next_seq
    assert(this.#noter.append(rendered, seq), 'the ring of the notes is full')
    this.#next_seq = seq + 1
    return seq
  }

  /** Takes back the newest note, of which no byte may be left anywhere. */
  retractNote(): void {
    this.#noter.retract()
    this.#notes.rewind()
    this.#queue.rewind()
    this.#queue_records = this.#acknowledged_records
    this.#next_seq--
  }

  /** The note with this number stands at the head of the file already: reading passes over it. */
  skipNote(seq: number): void {
    this.#skipped_seq = seq
  }

  /** Finds the next record: one that has a number, one that will get it, or none. */
  peek(): 'numbered' | 'new' | 'none' {
    for (;;) {
      const queued = this.#queue.peek()
      if (!this.#notes.peek()) {
        this.#from = this.#queue
        if (!queued) return 'none'
        return this.#queue.seq === 0 ? 'new' : 'numbered'
      }
      const note_first = !queued || this.#queue.seq === 0 || this.#queue.seq > this.#notes.seq
      if (note_first && this.#notes.seq === this.#skipped_seq) {
        this.#notes.advance()
        continue
      }
      this.#from = note_first ? this.#notes : this.#queue
      return 'numbered'
    }
  }

  /** Bytes of the record that `peek` found. */
  get length(): number {
    return this.#from.length
  }

  /** Number of the record that `peek` found; gives it one when it has none. */
  number(): number {
    const seq = this.#from.seq
    if (seq !== 0) return seq
    this.#from.stamp(this.#next_seq)
    return this.#next_seq++
  }

  /** Copies the record that `peek` found and goes on behind it. */
  take(target: Buffer, offset: number): void {
    this.#from.copyTo(target, offset)
    this.#from.advance()
    if (this.#from === this.#queue) this.#queue_records++
  }

  /** The place behind the last record taken. */
  mark(): Mark {
    return {
      queue_position: this.#queue.position,
      notes_position: this.#notes.position,
      queue_records: this.#queue_records,
    }
  }

  /** Takes everything again that is not acknowledged, the note at the head of a file too. */
  rewind(): void {
    this.#queue.rewind()
    this.#notes.rewind()
    this.#queue_records = this.#acknowledged_records
    this.#skipped_seq = 0
  }

  /** Everything before the mark is safe. */
  acknowledge(mark: Mark): void {
    // The next number is stored first: a successor looks for higher ones in what is not acknowledged.
    this.#control.setCounter('next_seq', this.#next_seq)
    this.#queue.acknowledge(mark.queue_position)
    this.#notes.acknowledge(mark.notes_position)
    this.#acknowledged_records = mark.queue_records
    this.#control.setCounter('acknowledged', this.#acknowledged_before + mark.queue_records)
  }

  /** Bytes of the queue that wait to be taken. */
  get waiting_bytes(): number {
    return this.#queue.waiting
  }

  /** Bytes of the queue and the notes that are not acknowledged. */
  get unacknowledged_bytes(): number {
    const notes = this.#notes.waiting + this.#notes.position - this.#notes.tail
    return notes + this.#queue.waiting + this.#queue.position - this.#queue.tail
  }

  get queue_position(): number {
    return this.#queue.position
  }

  get queue_tail(): number {
    return this.#queue.tail
  }
}
