import { limits } from '../lib/limits.js'

/**
 * What stands in a shape where its text has a literal. No text that has a shape holds such a
 * character, so that two texts of one shape have the same tokens but for the values of these.
 */
export const shape_marks = {
  /** An integer of four bytes, which the grammar takes in more places than other numbers. */
  integer: '\u0001',
  /** A larger one. */
  large: '\u0002',
  decimal: '\u0003',
  string: '\u0004',
} as const

const largest_integer = 2_147_483_647

/** What a character may be where no literal and no quoted name is open. */
const refused = 0
const blank = 1
const word = 2
const digit = 3
const symbol = 4
const quote = 5
const double_quote = 6
const dash = 7
const slash = 8
const dot = 9
const ampersand = 10

function classesOf(): Uint8Array {
  const classes = new Uint8Array(128)
  const mark = (characters: string, kind: number): void => {
    for (const character of characters) classes[character.charCodeAt(0)] = kind
  }
  // A vertical tab is a blank since PostgreSQL 16 only.
  mark(' \t\n\r\f', blank)
  mark('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', word)
  mark('0123456789', digit)
  mark('!#%()*+,:;<=>?@[]^`|~', symbol)
  mark("'", quote)
  mark('"', double_quote)
  mark('-', dash)
  mark('/', slash)
  mark('.', dot)
  mark('&', ampersand)
  return classes
}

const classes = classesOf()

/** Behind the end of the text there is nothing that belongs to what stands before. */
function classAt(text: string, position: number): number {
  return position < text.length ? (classes[text.charCodeAt(position)] ?? refused) : refused
}

/** All but blanks and what is printable in ASCII, and of these backslash and dollar sign. */
const beyond_plain = /[^\t\n\f\r -#%-[\]-~]/

/** The position behind the blanks at `from`. */
function skipBlanks(text: string, from: number): number {
  let position = from
  while (classAt(text, position) === blank) position++
  return position
}

/** The position behind the quotation mark that closes what begins at `from`; -1 when none does. */
function closingAfter(text: string, mark: string, from: number): number {
  let position = text.indexOf(mark, from)
  // A doubled one stands for itself.
  while (position >= 0 && text[position + 1] === mark) position = text.indexOf(mark, position + 2)
  return position < 0 ? -1 : position + 1
}

/**
 * Reads the shape of a text: the text with a mark in place of each plain literal. It runs in the
 * relay loop for every text that is not known, and does not cut tokens as the server does: it
 * refuses whatever it is not sure of. What it takes for a number or a string is one token for
 * PostgreSQL's scanner (scan.l), whatever its value, and begins and ends where it says.
 *
 * One reader serves all texts; where the literals of the last one end is in `ends`.
 */
export class ShapeReader {
  /** Positions behind the literals of the text read last, `count` of them, in order. */
  readonly ends = new Int32Array(limits.shaped_literals)
  count = 0
  /** True when one of them is a string. */
  has_strings = false

  #text = ''
  #shape = ''
  /** What stands before this position is in the shape already. */
  #copied = 0

  /** The shape, or undefined for a text that has none: too long, or not plain enough. */
  read(text: string): string | undefined {
    this.count = 0
    this.has_strings = false
    const { length } = text
    if (length > limits.shaped_chars || beyond_plain.test(text)) return undefined
    this.#text = text
    this.#shape = ''
    this.#copied = 0
    let position = 0
    while (position < length) {
      position = this.#token(position)
      if (position < 0) return undefined
    }
    return this.#shape + text.slice(this.#copied)
  }

  /** The position behind the token, or some of the blanks, at `start`; -1 to refuse the text. */
  #token(start: number): number {
    const text = this.#text
    const following = text.charCodeAt(start + 1)
    switch (classAt(text, start)) {
      case blank:
      case symbol:
        return start + 1
      case word:
        return this.#word(start)
      case digit:
        return this.#number(start)
      case quote:
        return this.#string(start)
      case double_quote:
        return this.#quoted(start)
      case dash:
        return following === 0x2d ? -1 : start + 1
      case slash:
        return following === 0x2a ? -1 : start + 1
      case dot:
        // `.5` and what follows `1.`
        return following >= 0x30 && following <= 0x39 ? -1 : start + 1
      case ampersand:
        // `U&'…'` and `U&"…"`
        return following === 0x27 || following === 0x22 ? -1 : start + 1
      default:
        return -1
    }
  }

  /** A name or key word. A quote right behind it may make a prefix of it. */
  #word(start: number): number {
    const text = this.#text
    let position = start + 1
    let kind = classAt(text, position)
    while (kind === word || kind === digit) kind = classAt(text, ++position)
    return kind === quote || kind === double_quote ? -1 : position
  }

  #number(start: number): number {
    const text = this.#text
    let position = start + 1
    while (classAt(text, position) === digit) position++
    const digits = position - start
    let mark: string = shape_marks.integer
    if (text.charCodeAt(position) === 0x2e) {
      const fraction = position + 1
      position = fraction
      while (classAt(text, position) === digit) position++
      if (position === fraction) return -1
      mark = shape_marks.decimal
    } else if (digits >= 10) {
      // Leading zeros do not make a number large, and nobody writes them.
      if (text.charCodeAt(start) === 0x30) return -1
      const value = Number(text.slice(start, position))
      if (value > largest_integer) mark = shape_marks.large
    }
    return this.#isJoined(position) ? -1 : this.#literal(start, position, mark)
  }

  #string(start: number): number {
    const text = this.#text
    const position = closingAfter(text, "'", start + 1)
    if (position < 0) return -1
    // On another line a second literal goes on with this one.
    if (this.#isJoined(position) || classAt(text, skipBlanks(text, position)) === quote) return -1
    this.has_strings = true
    return this.#literal(start, position, shape_marks.string)
  }

  #quoted(start: number): number {
    const text = this.#text
    const position = closingAfter(text, '"', start + 1)
    return position < 0 || this.#isJoined(position) ? -1 : position
  }

  /** True where something follows without a blank that may belong to what ends here. */
  #isJoined(position: number): boolean {
    const kind = classAt(this.#text, position)
    return (
      kind === word || kind === digit || kind === dot || kind === quote || kind === double_quote
    )
  }

  #literal(start: number, end: number, mark: string): number {
    if (this.count === this.ends.length) return -1
    this.ends[this.count++] = end
    this.#shape += this.#text.slice(this.#copied, start) + mark
    this.#copied = end
    return end
  }
}
