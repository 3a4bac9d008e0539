import { limits } from '../lib/limits.js'
import type { OtherReading } from './facts.js'
import { unparsedSpans } from './redact-unparsed.js'
import { redacted } from './secret-names.js'
import { applySpans, type Span } from './spans.js'

/** Bytes of the character that begins with a byte above ASCII. */
type CharacterLength = (first: number, second: number) => number

/**
 * How the encodings cut a text in which the later byte of a character may be ASCII: SJIS and
 * SHIFT_JIS_2004; BIG5, GBK, UHC; GB18030. In all others, ASCII stands for itself.
 * Source: src/common/wchar.c.
 */
const lengths: readonly CharacterLength[] = [
  (first) => (first >= 0xa1 && first <= 0xdf ? 1 : 2),
  () => 2,
  (_first, second) => (second >= 0x30 && second <= 0x39 ? 4 : 2),
]

/** ASCII that no name has in it: as part of a character it leads to other tokens. */
const cuts = /[@[\\\]^`{|}~]/

/** The bytes one by one, with a letter in place of each that belongs to a character above ASCII. */
function maskOf(latin1: string, lengthOf: CharacterLength): string {
  let mask = ''
  let from = 0
  let position = 0
  while (position < latin1.length) {
    const first = latin1.charCodeAt(position)
    if (first < 0x80) {
      position++
      continue
    }
    const length = lengthOf(first, latin1.charCodeAt(position + 1))
    const end = Math.min(position + length, latin1.length)
    mask += latin1.slice(from, position) + '\xff'.repeat(end - position)
    position = end
    from = end
  }
  return mask + latin1.slice(from)
}

function hidesCuts(latin1: string, mask: string): boolean {
  for (let index = 0; index < mask.length; index++) {
    if (mask[index] === '\xff' && cuts.test(latin1.charAt(index))) return true
  }
  return false
}

/**
 * How a text is to be shown that may have been read in another encoding than it was decoded by:
 * as a whole, without the secrets of any reading. Undefined where all of them find the same tokens.
 *
 * @param bytes The text as it was sent, or its beginning: more than is redacted here is left out.
 * @param decode Makes a text of a part of it.
 */
export function encodingReading(
  bytes: Buffer,
  decode: (part: Buffer) => string,
): OtherReading | undefined {
  const head = bytes.subarray(0, limits.redacted_here_chars)
  const latin1 = head.toString('latin1')
  const masks = new Set<string>()
  for (const lengthOf of lengths) {
    const mask = maskOf(latin1, lengthOf)
    if (hidesCuts(latin1, mask)) masks.add(mask)
  }
  if (masks.size === 0) return undefined
  const spans: Span[] = []
  for (const reading of [latin1, ...masks]) {
    for (const span of unparsedSpans(reading, 0)) spans.push(withoutRest(span))
  }
  const shown = decode(Buffer.from(applySpans(latin1, spans), 'latin1'))
  return head.length === bytes.length
    ? { text: shown, secret: spans.length > 0 }
    : { text: `${shown} ${redacted}`, secret: true }
}

/** What is kept of a literal would be written with the letters of a mask. */
function withoutRest(span: Span): Span {
  return span.text.length <= redacted.length + 2 ? span : { ...span, text: `'${redacted}'` }
}
