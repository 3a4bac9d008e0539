/** What a token is, as far as redaction needs to know. */
export type TokenKind =
  | 'word'
  | 'quoted'
  | 'string'
  | 'dollar'
  | 'number'
  | 'parameter'
  | 'symbol'
  | 'comment'

/** The letter before a string literal, in lower case; `u` stands for `U&`. */
export type StringPrefix = '' | 'e' | 'u' | 'b' | 'x' | 'n'

const quote = 0x27
const double_quote = 0x22
const backslash = 0x5c
const dollar = 0x24
const dash = 0x2d
const slash = 0x2f
const star = 0x2a
const ampersand = 0x26
const dot = 0x2e
const newline = 0x0a
const carriage_return = 0x0d

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** PostgreSQL's scan.l takes every byte above ASCII for a letter. */
function isWordStart(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code > 0x7f
  )
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === dollar
}

/** The position of the line end that ends a `--` comment; a carriage return ends one as well. */
function lineEnd(text: string, from: number): number {
  let position = from
  while (position < text.length) {
    const code = text.charCodeAt(position)
    if (code === newline || code === carriage_return) break
    position++
  }
  return position
}

/**
 * The position behind the quote that opens the next part of a literal which is continued on a later
 * line, or -1. `position` is behind the closing quote. Between the parts stand blanks and `--`
 * comments with at least one line end among them; the comments are added to the list, if given.
 */
export function continuationAt(
  text: string,
  position: number,
  comments?: (readonly [number, number])[],
): number {
  let passed: [number, number][] | undefined
  let next = position
  let line_ended = false
  for (;;) {
    const code = text.charCodeAt(next)
    if (code === newline || code === carriage_return) line_ended = true
    if (isBlank(code)) next++
    else if (code === dash && text.charCodeAt(next + 1) === dash) {
      const end = lineEnd(text, next)
      passed ??= []
      passed.push([next, end])
      next = end
    } else break
  }
  if (!line_ended || text.charCodeAt(next) !== quote) return -1
  if (passed !== undefined) for (const comment of passed) comments?.push(comment)
  return next + 1
}

const prefixes: ReadonlyMap<string, StringPrefix> = new Map([
  ['e', 'e'],
  ['b', 'b'],
  ['x', 'x'],
  ['n', 'n'],
])

/**
 * Cuts a text into tokens where PostgreSQL would, in linear time, and never fails: what is not
 * terminated ends with the text. One reader is moved over the text, so that a text of many
 * megabytes costs no object per token. Offsets are UTF-16 code units.
 */
export class SqlTokens {
  kind: TokenKind = 'symbol'
  start = 0
  end = 0
  /** Where the contents of a quoted token or comment begin and end. */
  content_start = 0
  content_end = 0
  prefix: StringPrefix = ''
  /** Start and end of each comment between the parts of a continued literal. */
  joining_comments: (readonly [number, number])[] = []
  /** False for a literal, quoted name or comment that the end of the text cuts off. */
  terminated = true
  readonly text: string
  /** True to read plain literals as with `standard_conforming_strings = off`. */
  readonly backslash_escapes: boolean

  constructor(text: string, backslash_escapes: boolean) {
    this.text = text
    this.backslash_escapes = backslash_escapes
  }

  /** Goes on reading from `position`, as if a token had ended there. */
  seek(position: number): void {
    this.end = position
  }

  /** Moves to the next token; false at the end of the text. */
  next(): boolean {
    const { text } = this
    let position = this.end
    while (position < text.length && isBlank(text.charCodeAt(position))) position++
    this.start = position
    if (position >= text.length) {
      this.end = position
      return false
    }
    this.terminated = true
    this.prefix = ''
    if (this.joining_comments.length > 0) this.joining_comments = []
    const code = text.charCodeAt(position)
    const following = text.charCodeAt(position + 1)
    if (isWordStart(code)) this.#word()
    else if (code === quote) this.#string(position + 1, '')
    else if (code === double_quote) this.#quoted(position + 1)
    else if (code === dash && following === dash) this.#lineComment()
    else if (code === slash && following === star) this.#blockComment()
    else if (code === dollar) this.#dollar()
    else if (isDigit(code) || (code === dot && isDigit(following))) this.#number()
    else this.#finish('symbol', position, position + 1)
    return true
  }

  #finish(kind: TokenKind, content_start: number, end: number, content_end = end): void {
    this.kind = kind
    this.content_start = content_start
    this.content_end = content_end
    this.end = end
  }

  #word(): void {
    const { text, start } = this
    let end = start + 1
    while (end < text.length && isWordPart(text.charCodeAt(end))) end++
    const following = text.charCodeAt(end)
    if (end === start + 1) {
      const letter = text.charAt(start).toLowerCase()
      const prefix = prefixes.get(letter)
      if (prefix !== undefined && following === quote) {
        this.#string(end + 1, prefix)
        return
      }
      if (letter === 'u' && following === ampersand) {
        const opening = text.charCodeAt(end + 1)
        if (opening === quote) {
          this.#string(end + 2, 'u')
          return
        }
        if (opening === double_quote) {
          this.prefix = 'u'
          this.#quoted(end + 2)
          return
        }
      }
    }
    this.#finish('word', start, end)
  }

  #string(content_start: number, prefix: StringPrefix): void {
    const { text } = this
    this.prefix = prefix
    const plain = prefix === '' || prefix === 'n'
    const escapes = prefix === 'e' || (plain && this.backslash_escapes)
    // A doubled quote stands for one, save in bit strings, where it ends one and begins another.
    const doubles = prefix !== 'b' && prefix !== 'x'
    let position = content_start
    while (position < text.length) {
      const code = text.charCodeAt(position)
      if (code === quote) {
        if (doubles && text.charCodeAt(position + 1) === quote) {
          position += 2
          continue
        }
        const continued = continuationAt(text, position + 1, this.joining_comments)
        if (continued < 0) {
          this.#finish('string', content_start, position + 1, position)
          return
        }
        position = continued
      } else if (code === backslash && escapes) {
        position += 2
      } else {
        position++
      }
    }
    this.terminated = false
    this.#finish('string', content_start, text.length)
  }

  #quoted(content_start: number): void {
    const { text } = this
    let position = content_start
    for (;;) {
      const found = text.indexOf('"', position)
      if (found < 0) break
      if (text.charCodeAt(found + 1) !== double_quote) {
        this.#finish('quoted', content_start, found + 1, found)
        return
      }
      position = found + 2
    }
    this.terminated = false
    this.#finish('quoted', content_start, text.length)
  }

  #lineComment(): void {
    this.#finish('comment', this.start + 2, lineEnd(this.text, this.start + 2))
  }

  #blockComment(): void {
    const { text } = this
    const content_start = this.start + 2
    let depth = 1
    let position = content_start
    while (position < text.length) {
      const code = text.charCodeAt(position)
      const following = text.charCodeAt(position + 1)
      if (code === star && following === slash) {
        position += 2
        depth--
        if (depth === 0) {
          this.#finish('comment', content_start, position, position - 2)
          return
        }
      } else if (code === slash && following === star) {
        position += 2
        depth++
      } else {
        position++
      }
    }
    this.terminated = false
    this.#finish('comment', content_start, text.length)
  }

  #dollar(): void {
    const { text, start } = this
    let position = start + 1
    if (isDigit(text.charCodeAt(position))) {
      while (isDigit(text.charCodeAt(position))) position++
      this.#finish('parameter', start, position)
      return
    }
    if (isWordStart(text.charCodeAt(position))) {
      while (text.charCodeAt(position) !== dollar && isWordPart(text.charCodeAt(position))) {
        position++
      }
    }
    if (text.charCodeAt(position) !== dollar) {
      this.#finish('symbol', start, start + 1)
      return
    }
    const tag = text.slice(start, position + 1)
    const content_start = position + 1
    const closing = text.indexOf(tag, content_start)
    if (closing >= 0) {
      this.#finish('dollar', content_start, closing + tag.length, closing)
      return
    }
    this.terminated = false
    this.#finish('dollar', content_start, text.length)
  }

  /** A number may end in letters (`1e5`, `0xFF`, or junk that the server refuses). */
  #number(): void {
    const { text, start } = this
    let end = start + 1
    while (end < text.length) {
      const code = text.charCodeAt(end)
      if (!isDigit(code) && !isWordStart(code) && code !== dot) break
      end++
    }
    this.#finish('number', start, end)
  }
}
