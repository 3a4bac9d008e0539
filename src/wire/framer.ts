import { letterOf } from './message-types.js'
import { ProtocolViolation } from './protocol-violation.js'

/**
 * What the framer does with a body, decided from the header alone.
 * - `pass`: only counted; the body is never looked at nor kept.
 * - `collect`: handed over whole once it is complete.
 */
export type FrameAction = 'pass' | 'collect'

/** Receives the messages of one direction of one connection. */
export interface FrameHandler {
  /** Called at each header; throws ProtocolViolation for what must not be there. */
  header(type: number, body_length: number): FrameAction
  /**
   * A piece of a body as it arrives, for bodies whose action is `pass` and which the handler
   * asked to see by {@link FrameHandler.wants_pieces}; the view dies when the call returns.
   */
  piece(buffer: Buffer, start: number, end: number): void
  /** The message is complete. For `collect` the body is `buffer[start, end)`, else it is empty. */
  message(type: number, buffer: Buffer, start: number, end: number, body_length: number): void
  /** True while pieces of the current `pass` body are wanted. */
  readonly wants_pieces: boolean
  /** True when no further message may be taken for now; asked after each message. */
  readonly stopped: boolean
}

const header_bytes = 5
/** First size of the buffer for a body that is split over chunks. */
const least_gathered_bytes = 1024
const nothing = Buffer.alloc(0)

/**
 * Cuts a stream of chunks into messages. It never copies a body that lies whole within a chunk;
 * one that is split over chunks is gathered only when it is collected.
 *
 *     chunk      |  … tail of A | hdr B | body B | hdr C | first part of body C |
 *     position   ^ from                                                          ^ returned
 *
 * Invariant: `#header_filled` bytes of the current header are in `#header`; when it is full,
 * `#missing` bytes of the body are still to come. A body that is being gathered lies at the
 * beginning of `#gathered`, which grows by doubling: its size follows what has arrived, not what
 * the length field claims, and chunks of one byte cost no more than their bytes.
 */
export class Framer {
  readonly #handler: FrameHandler
  readonly #max_message_bytes: number
  readonly #header = Buffer.alloc(header_bytes)
  #header_filled = 0
  #type = 0
  #body_length = 0
  #missing = 0
  #action: FrameAction = 'pass'
  #gathered: Buffer = nothing
  #gathered_bytes = 0
  /** The stream cannot be followed beyond a violation: whatever comes after is one as well. */
  #violation: ProtocolViolation | undefined

  /** `max_message_bytes` bounds the length field of every message. */
  constructor(handler: FrameHandler, max_message_bytes: number) {
    this.#handler = handler
    this.#max_message_bytes = max_message_bytes
  }

  /** True between two messages: nothing of a next one has been seen. */
  get atBoundary(): boolean {
    return this.#header_filled === 0
  }

  /**
   * Takes `chunk` from offset `from` and returns the offset up to which it was taken: its length,
   * or less when the handler stopped. Throws {@link FramedViolation} at a malformed message, with
   * the offset where that message begins in this chunk.
   */
  feed(chunk: Buffer, from: number): number {
    if (this.#violation !== undefined) throw new FramedViolation(this.#violation.message, from)
    let position = from
    let message_start = from
    try {
      while (position < chunk.length) {
        if (this.#header_filled === 0) {
          if (this.#handler.stopped) return position
          message_start = position
        }
        if (this.#header_filled < header_bytes) {
          position = this.#takeHeader(chunk, position)
        } else {
          position = this.#takeBody(chunk, position)
        }
      }
      return position
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.#violation = error
      throw new FramedViolation(error.message, message_start)
    }
  }

  #takeHeader(chunk: Buffer, position: number): number {
    // Nearly all headers lie whole in a chunk.
    if (this.#header_filled === 0 && chunk.length - position >= header_bytes) {
      this.#header_filled = header_bytes
      this.#type = chunk[position] ?? 0
      this.#headerIsThere(chunk.readInt32BE(position + 1))
      return position + header_bytes
    }
    const taken = Math.min(header_bytes - this.#header_filled, chunk.length - position)
    chunk.copy(this.#header, this.#header_filled, position, position + taken)
    this.#header_filled += taken
    if (this.#header_filled === header_bytes) {
      this.#type = this.#header.readUInt8(0)
      this.#headerIsThere(this.#header.readInt32BE(1))
    }
    return position + taken
  }

  #headerIsThere(length: number): void {
    if (length < 4 || length > this.#max_message_bytes) {
      throw new ProtocolViolation(`invalid length ${length} of message ${letterOf(this.#type)}`)
    }
    this.#body_length = length - 4
    this.#missing = this.#body_length
    this.#action = this.#handler.header(this.#type, this.#body_length)
    // An empty body is complete with its header.
    if (this.#missing === 0) this.#complete(nothing, 0, 0)
  }

  #takeBody(chunk: Buffer, position: number): number {
    const taken = Math.min(this.#missing, chunk.length - position)
    const end = position + taken
    this.#missing -= taken
    if (this.#action === 'pass') {
      if (this.#handler.wants_pieces) this.#handler.piece(chunk, position, end)
      if (this.#missing === 0) this.#complete(nothing, 0, 0)
    } else if (this.#missing > 0) {
      // What outlives the tick is copied: a retained view would pin its whole chunk.
      this.#gather(chunk, position, end)
    } else if (this.#gathered_bytes === 0) {
      this.#complete(chunk, position, end)
    } else {
      this.#gather(chunk, position, end)
      const body = this.#gathered
      this.#gathered = nothing
      this.#gathered_bytes = 0
      this.#complete(body, 0, this.#body_length)
    }
    return end
  }

  #gather(chunk: Buffer, start: number, end: number): void {
    const filled = this.#gathered_bytes + end - start
    if (filled > this.#gathered.length) {
      const wanted = Math.max(filled, this.#gathered.length * 2, least_gathered_bytes)
      const larger = Buffer.allocUnsafe(Math.min(wanted, this.#body_length))
      this.#gathered.copy(larger, 0, 0, this.#gathered_bytes)
      this.#gathered = larger
    }
    chunk.copy(this.#gathered, this.#gathered_bytes, start, end)
    this.#gathered_bytes = filled
  }

  #complete(buffer: Buffer, start: number, end: number): void {
    this.#header_filled = 0
    this.#handler.message(this.#type, buffer, start, end, this.#body_length)
  }
}

/** A violation together with the offset in the chunk where the offending message begins. */
export class FramedViolation extends ProtocolViolation {
  /** Everything before this offset is whole and may be forwarded. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.name = 'FramedViolation'
    this.offset = offset
  }
}
