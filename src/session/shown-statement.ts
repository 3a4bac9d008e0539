import { limits } from '../lib/limits.js'
import type { OtherReading, StatementFacts, TextFacts } from '../sql/facts.js'
import { encodingReading } from '../sql/other-encodings.js'
import { factsReadOtherwise } from '../sql/other-reading.js'
import type { SentText } from './requests.js'
import { TextDecoding } from './text-decoding.js'

/**
 * One statement of a text as its records tell of it. Where the server may have read the text
 * otherwise than the grammar does, other statements may have run and other parts of it may be
 * secret: then the whole of it is shown, without the secrets of any reading.
 */
export function shownStatement(
  text: SentText,
  facts: TextFacts | undefined,
  statement: StatementFacts | undefined,
  doubted = text.ambiguous,
): StatementFacts | undefined {
  if (!doubted || statement === undefined) return statement
  const reading = inOtherEncodings(text) ?? facts?.other_reading
  return reading === undefined ? statement : factsReadOtherwise(statement, reading)
}

const beyond_ascii = /[^\u0000-\u007f]/

/** Made once for each text, when its first record needs it. */
const readings = new WeakMap<SentText, OtherReading | 'none'>()

/** A text whose bytes are other characters in another encoding; undefined where none hides any. */
function inOtherEncodings(text: SentText): OtherReading | undefined {
  if (text.bytes === undefined && !beyond_ascii.test(text.text)) return undefined
  const seen = readings.get(text)
  if (seen !== undefined) return seen === 'none' ? undefined : seen
  const decoding = new TextDecoding()
  decoding.setEncoding(text.mode.encoding)
  const bytes = text.bytes ?? Buffer.from(text.text.slice(0, limits.redacted_here_chars + 1))
  const reading = encodingReading(bytes, (part) => decoding.decode(part).text)
  readings.set(text, reading ?? 'none')
  return reading
}
