import type { RawStmt } from '@pgsql/types'

/** Where a statement stands in a text, in UTF-16 code units; `end` is exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What the server's scanner takes for white space (scan.l). */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

/** The end of a block comment that begins at `at`; block comments nest. */
function blockCommentEnd(text: string, at: number, limit: number): number {
  let depth = 0
  let index = at
  while (index < limit) {
    if (text.startsWith('/*', index)) {
      depth += 1
      index += 2
    } else if (text.startsWith('*/', index)) {
      depth -= 1
      index += 2
      if (depth === 0) return index
    } else index += 1
  }
  return limit
}

/** The end of a line comment: either line end ends it. */
function lineCommentEnd(text: string, at: number, limit: number): number {
  let index = at
  while (index < limit && text[index] !== '\n' && text[index] !== '\r') index += 1
  return index
}

/**
 * The parser's location is a statement's first token. Between it and the statement before there
 * are only blanks, semicolons and comments; the comments after the last semicolon belong to it.
 */
function startWithComments(text: string, from: number, first_token: number): number {
  let start = from
  let index = from
  while (index < first_token) {
    const code = text.charCodeAt(index)
    if (code === 59) start = index + 1
    if (text.startsWith('--', index)) index = lineCommentEnd(text, index, first_token)
    else if (text.startsWith('/*', index)) index = blockCommentEnd(text, index, first_token)
    else index += 1
  }
  while (start < first_token && isBlank(text.charCodeAt(start))) start += 1
  return start
}

function trimEnd(text: string, start: number, end: number): number {
  let trimmed = end
  while (trimmed > start && isBlank(text.charCodeAt(trimmed - 1))) trimmed -= 1
  return trimmed
}

/** Turns rising byte offsets of the UTF-8 form into offsets of the string, in one pass. */
class OffsetReader {
  readonly #text: string
  readonly #ascii: boolean
  #byte = 0
  #unit = 0

  constructor(text: string) {
    this.#text = text
    this.#ascii = Buffer.byteLength(text) === text.length
  }

  /** The offset of a byte that is not before the one asked for last. */
  at(byte: number): number {
    if (this.#ascii) return Math.min(byte, this.#text.length)
    while (this.#byte < byte && this.#unit < this.#text.length) {
      const point = this.#text.codePointAt(this.#unit) ?? 0
      this.#byte += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
      this.#unit += point < 0x10000 ? 1 : 2
    }
    return this.#unit
  }
}

/**
 * The spans of a text's statements, in order: each with the comments that stand before and inside
 * it, without blanks around it and without its semicolon. The parser gives byte offsets; no length
 * means that the statement goes on to the end of the text.
 */
export function statementSpans(text: string, statements: readonly RawStmt[]): Span[] {
  const offsets = new OffsetReader(text)
  const spans: Span[] = []
  let previous_end = 0
  for (const statement of statements) {
    const location = statement.stmt_location ?? 0
    const first_token = offsets.at(location)
    const length = statement.stmt_len ?? 0
    const end = length === 0 ? text.length : offsets.at(location + length)
    const start = startWithComments(text, previous_end, first_token)
    spans.push({ start, end: trimEnd(text, start, end) })
    previous_end = end
  }
  return spans
}
