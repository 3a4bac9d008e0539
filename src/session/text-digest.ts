import { createHash, type Hash } from 'node:crypto'

/** So much of a name is kept that cutting it does not change its first 63 bytes in any encoding. */
const kept_name_bytes = 65_536

/**
 * Length and SHA-256 of a text that is too long to keep, computed while it passes by. For a Parse
 * message the statement's name stands before the text, for a Query nothing does.
 */
export class TextDigest {
  readonly #hash: Hash = createHash('sha256')
  #name: number[] | undefined
  #name_open: boolean
  #ended = false
  length = 0

  /** `has_name` is true for a Parse message. */
  constructor(has_name: boolean) {
    this.#name = has_name ? [] : undefined
    this.#name_open = has_name
  }

  update(buffer: Buffer, start: number, end: number): void {
    let position = start
    while (this.#name_open && position < end) {
      const byte = buffer.readUInt8(position++)
      if (byte === 0) this.#name_open = false
      else if (this.#name !== undefined && this.#name.length < kept_name_bytes) {
        this.#name.push(byte)
      }
    }
    if (this.#ended || position >= end) return
    const nul = buffer.indexOf(0, position)
    const text_end = nul >= 0 && nul < end ? nul : end
    this.#hash.update(buffer.subarray(position, text_end))
    this.length += text_end - position
    if (text_end < end) this.#ended = true
  }

  /** The bytes of the name before the text; of a long one, more than the server compares. */
  get name(): Buffer {
    return Buffer.from(this.#name ?? [])
  }

  /** Hex; may be asked once. */
  sha256(): string {
    return this.#hash.digest('hex')
  }
}
