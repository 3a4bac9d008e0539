import { ProtocolViolation } from './protocol-violation.js'

/**
 * A bounded reader over one message body. Every read stops at the body's end and throws
 * {@link ProtocolViolation}, so that no decoder can run into the next message or beyond the chunk.
 * One instance is reused for all messages: `reset` before each, views die with the chunk.
 */
export class Cursor {
  #buffer: Buffer = Buffer.alloc(0)
  #position = 0
  #end = 0

  reset(buffer: Buffer, start: number, end: number): this {
    this.#buffer = buffer
    this.#position = start
    this.#end = end
    return this
  }

  get remaining(): number {
    return this.#end - this.#position
  }

  byte(what: string): number {
    this.#need(1, what)
    return this.#buffer.readUInt8(this.#position++)
  }

  int16(what: string): number {
    this.#need(2, what)
    const value = this.#buffer.readInt16BE(this.#position)
    this.#position += 2
    return value
  }

  uint16(what: string): number {
    this.#need(2, what)
    const value = this.#buffer.readUInt16BE(this.#position)
    this.#position += 2
    return value
  }

  int32(what: string): number {
    this.#need(4, what)
    const value = this.#buffer.readInt32BE(this.#position)
    this.#position += 4
    return value
  }

  uint32(what: string): number {
    this.#need(4, what)
    const value = this.#buffer.readUInt32BE(this.#position)
    this.#position += 4
    return value
  }

  /** A view of the next `length` bytes; it dies with the chunk. */
  bytes(length: number, what: string): Buffer {
    if (length < 0) throw new ProtocolViolation(`negative length of ${what}`)
    this.#need(length, what)
    const view = this.#buffer.subarray(this.#position, this.#position + length)
    this.#position += length
    return view
  }

  /** A NUL-terminated string's bytes, without the NUL; the view dies with the chunk. */
  cstringBytes(what: string): Buffer {
    const nul = this.#buffer.indexOf(0, this.#position)
    if (nul < 0 || nul >= this.#end) throw new ProtocolViolation(`unterminated ${what}`)
    const view = this.#buffer.subarray(this.#position, nul)
    this.#position = nul + 1
    return view
  }

  cstring(what: string): string {
    const nul = this.#buffer.indexOf(0, this.#position)
    if (nul < 0 || nul >= this.#end) throw new ProtocolViolation(`unterminated ${what}`)
    const text = this.#buffer.toString('utf8', this.#position, nul)
    this.#position = nul + 1
    return text
  }

  /** Throws unless the body has been read to its end. */
  finish(what: string): void {
    if (this.#position !== this.#end) {
      throw new ProtocolViolation(`${this.remaining} bytes too many in ${what}`)
    }
  }

  #need(length: number, what: string): void {
    if (this.#end - this.#position < length) throw new ProtocolViolation(`${what} is cut short`)
  }
}
