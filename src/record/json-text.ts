import { limits } from '../lib/limits.js'

/** What cannot stand in a line as it is. Whole surrogate pairs match too and are looked at again. */
const unsafe = /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/

/** U+0000 and lone surrogates: PostgreSQL's text and jsonb have no place for them. */
const unstorable = /[\u0000\ud800-\udfff]/gu

/** What JSON.stringify lets through although terminals and line readers may act on it. */
const unescaped = /[\u007f-\u009f\u2028\u2029]/g

/**
 * Replaces what PostgreSQL cannot hold in a text, U+0000 and lone surrogates, by U+FFFD. The only
 * change that the formats ever make to a text.
 */
export function storableText(text: string): string {
  return text.replace(unstorable, '\ufffd')
}

/**
 * A JSON string with its quotes. Control characters (C0, DEL, C1) and the line separators U+2028
 * and U+2029 are escaped, U+0000 and lone surrogates become U+FFFD: the result is one line that no
 * terminal acts on and that `jsonb` takes.
 */
export function quoteJson(text: string): string {
  if (isShortAscii(text) || !unsafe.test(text)) return `"${text}"`
  return JSON.stringify(storableText(text)).replace(unescaped, escapeCharacter)
}

/** Below this length a loop is faster than the call of a regular expression. */
const short_length = 24

/** True for a short text of printable ASCII without quotes and backslashes. */
function isShortAscii(text: string): boolean {
  if (text.length > short_length) return false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false
  }
  return true
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * The same text in one piece. Concatenated strings are trees of their parts, which are walked each
 * time that they are written: what is kept for many records is worth putting together once.
 */
export function flatText(text: string): string {
  return Buffer.from(text).toString()
}

/** A JSON number; JSON has none for infinities and NaN, which become null. */
export function numberJson(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null'
}

/** A JSON array of strings. */
export function textsJson(texts: readonly string[]): string {
  return `[${texts.map(quoteJson).join(',')}]`
}

/**
 * Any value as JSON with the strings of `quoteJson`. Members that are undefined are left out, a
 * bigint is a number, a date its ISO form; deeper than `limits.detail_depth` stands a note, so that a
 * value that contains itself cannot stop a record.
 */
export function valueJson(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return quoteJson(value)
    case 'number':
      return numberJson(value)
    case 'boolean':
    case 'bigint':
      return `${value}`
    case 'object':
      return value === null ? 'null' : objectJson(value, depth)
    default:
      // Undefined, functions and symbols are nothing to JSON; in a list they keep their place.
      return 'null'
  }
}

function objectJson(value: object, depth: number): string {
  if (depth >= limits.detail_depth) return '"(nested too deeply)"'
  if (Array.isArray(value)) {
    return `[${value.map((item) => valueJson(item, depth + 1)).join(',')}]`
  }
  if (value instanceof Date) return quoteJson(String(value.toJSON()))
  const members: string[] = []
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${quoteJson(key)}:${valueJson(member, depth + 1)}`)
  }
  return `{${members.join(',')}}`
}
