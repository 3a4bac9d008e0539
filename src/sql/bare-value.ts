/** Where a value without quotes begins behind a separator; -1 when a token of its own follows. */
export function bareStart(text: string, from: number): number {
  let position = from
  while (position < text.length && /\s/.test(text.charAt(position))) position++
  if (position >= text.length) return -1
  const ahead = text.slice(position, position + 3)
  return own_token.test(ahead) || no_value.test(text.slice(position, position + 8)) ? -1 : position
}

const own_token = /^(?:['"=:>;,)]|[eEnNbBxX]'|[uU]&['"]|\$\$|\$\d|\/\*|--)/
const no_value = /^(?:null|default|not|true|false)(?:[\s,;)]|$)/i
/** A call with a literal in it: the literal is the value. */
const call = /[A-Za-z_][A-Za-z0-9_.]{0,63}\(\s{0,8}(?:[eE]?'|\$\$)/y

/** What ends a value that is written close to its equals sign, and what ends one that is not. */
const close_end = /\s/g
const expression_end = /[\s,;)]/g

/**
 * Finds the ends of the values without quotes in one text. Positions are asked in rising order: a
 * value may hold equals signs of its own, each with a value behind it, and what has been found for
 * the outer one holds for these, so that all of them together cost no more than one walk.
 */
export class BareEnds {
  readonly #text: string
  #close_end = -1
  #expression_end = -1

  constructor(text: string) {
    this.#text = text
  }

  /**
   * The end of the value at `from`. Written close to its equals sign, as in a connection string or
   * a shell, it goes up to the next blank; in SQL it ends with the expression. Equal to `from` when
   * a call stands there.
   */
  after(from: number, close: boolean): number {
    call.lastIndex = from
    if (call.test(this.#text)) return from
    if (close) {
      if (this.#close_end < from) this.#close_end = this.#search(close_end, from)
      return this.#close_end
    }
    if (this.#expression_end < from) this.#expression_end = this.#search(expression_end, from)
    return this.#expression_end
  }

  #search(pattern: RegExp, from: number): number {
    pattern.lastIndex = from
    return pattern.exec(this.#text)?.index ?? this.#text.length
  }
}
