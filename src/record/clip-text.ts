import { createHash } from 'node:crypto'
import { rememberLast } from '../lib/remember-last.js'

/** A text that may have been cut; `length` and `sha256` are there only if it was. */
export interface ClippedText {
  readonly text: string
  /** Bytes of the whole text in UTF-8. */
  readonly length?: number
  /** SHA-256 of the whole text in UTF-8, hex. */
  readonly sha256?: string
}

/** A UTF-16 code unit takes at most three bytes in UTF-8. */
const max_unit_bytes = 3

const byteLength = rememberLast((text) => Buffer.byteLength(text))

const sha256Of = rememberLast((text) => createHash('sha256').update(text, 'utf8').digest('hex'))

/**
 * Cuts a text to at most `max_bytes` bytes of UTF-8, between two characters, and says what the
 * whole was, so that it can still be recognised.
 */
export function clipText(text: string, max_bytes: number): ClippedText {
  if (text.length * max_unit_bytes <= max_bytes) return { text }
  const length = byteLength(text)
  if (length <= max_bytes) return { text }
  let end = Math.max(0, max_bytes)
  // A code unit takes a byte at least: what is kept lies within so many of them.
  const bytes = Buffer.from(text.slice(0, end + 1))
  // A byte 10xxxxxx continues a character that began before the cut.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return { text: bytes.toString('utf8', 0, end), length, sha256: sha256Of(text) }
}
