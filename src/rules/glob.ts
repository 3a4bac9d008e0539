import { limits } from '../lib/limits.js'

/** Says whether a text is of a kind. */
export type TextTest = (text: string) => boolean

/** One character of a pattern: a code point, or one of the two wildcards. */
export type GlobToken = number

/** `*`: any number of characters. No code point is negative. */
export const any_run: GlobToken = -1
/** `?`: exactly one character. */
export const any_one: GlobToken = -2

/** Reads a pattern in which `*` and `?` are wildcards and all else stands for itself. */
export function globTokens(pattern: string): GlobToken[] {
  return Array.from(pattern, (character) => {
    if (character === '*') return any_run
    if (character === '?') return any_one
    return character.codePointAt(0) ?? 0
  })
}

/** True when the tokens hold no wildcard, so that the pattern is one text. */
export function isLiteral(tokens: readonly GlobToken[]): boolean {
  return tokens.every((token) => token >= 0)
}

/** The text of tokens without wildcards. */
export function literalText(tokens: readonly GlobToken[]): string {
  return tokens.map((token) => String.fromCodePoint(token)).join('')
}

/**
 * Matches a whole text. Remembers only the last `*`, which is enough, so the time is at most
 * pattern × text: no pattern can make it explode, as a backtracking regular expression might.
 */
function matchTokens(tokens: readonly GlobToken[], text: string): boolean {
  let at_token = 0
  let at_text = 0
  let star_token = -1
  let star_text = 0
  while (at_text < text.length) {
    const character = text.codePointAt(at_text) ?? 0
    const token = tokens[at_token]
    if (token === any_run) {
      star_token = at_token++
      star_text = at_text
    } else if (token === any_one || token === character) {
      at_token++
      at_text += width(character)
    } else if (star_token >= 0) {
      at_token = star_token + 1
      star_text += width(text.codePointAt(star_text) ?? 0)
      at_text = star_text
    } else {
      return false
    }
  }
  while (tokens[at_token] === any_run) at_token++
  return at_token === tokens.length
}

/** UTF-16 code units of a code point. */
function width(character: number): 1 | 2 {
  return character > 0xffff ? 2 : 1
}

/** Makes the cheapest test for the tokens: equality, prefix, suffix, or the general matcher. */
export function compileTokens(tokens: readonly GlobToken[]): TextTest {
  if (isLiteral(tokens)) {
    const literal = literalText(tokens)
    return (text) => text === literal
  }
  if (tokens.every((token) => token === any_run)) return () => true
  const inner = tokens.slice(0, -1)
  if (tokens.at(-1) === any_run && isLiteral(inner)) {
    const prefix = literalText(inner)
    return (text) => text.startsWith(prefix)
  }
  const rest = tokens.slice(1)
  if (tokens[0] === any_run && isLiteral(rest)) {
    const suffix = literalText(rest)
    return (text) => text.endsWith(suffix)
  }
  return (text) => matchTokens(tokens, text)
}

/** The test of a glob on a whole text: `*` any run of characters, `?` one character. */
export function compileGlob(pattern: string): TextTest {
  return compileTokens(globTokens(pattern))
}

/**
 * Remembers the answers of a test. Names of users, databases and applications repeat for every
 * statement; a client that sends ever new ones only makes the memory start afresh.
 */
export function remember(test: TextTest): TextTest {
  const answers = new Map<string, boolean>()
  return (text) => {
    const known = answers.get(text)
    if (known !== undefined) return known
    const answer = test(text)
    if (answers.size >= limits.rule_memory_entries) answers.clear()
    answers.set(text, answer)
    return answer
  }
}
