import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import {
  any_one,
  any_run,
  compileTokens,
  type GlobToken,
  literalText,
  type TextTest,
} from './glob.js'

/** A name in parts without quotes: `"Odd.name".x` is `['Odd.name', 'x']`. */
export type NameParts = readonly string[]

/** What a dotted text falls into. */
interface Scan {
  /** Tokens of each part; wildcards outside quotes are tokens of their own. */
  readonly parts: readonly GlobToken[][]
  /** Tokens of the last part before its `(`, when it has one: `f(integer)`. */
  readonly before_arguments: readonly GlobToken[] | undefined
  /** Where the text behind an unquoted ` on ` begins, as in `trigger on schema.table`. */
  readonly on_at: number
  readonly open_quote: boolean
}

/**
 * Splits at the dots outside quotes. What follows an unquoted `(` is a list of argument types and
 * stays in one part with its dots and quotes, since they do not divide the name.
 */
function scan(text: string): Scan {
  let part: GlobToken[] = []
  const parts = [part]
  let quoted = false
  let before_arguments: readonly GlobToken[] | undefined
  let on_at = -1
  for (let at = 0; at < text.length; at++) {
    const character = text.codePointAt(at) ?? 0
    if (character > 0xffff) at++
    const symbol = String.fromCodePoint(character)
    if (before_arguments !== undefined) {
      part.push(outsideQuotes(symbol, character))
    } else if (quoted) {
      if (symbol !== '"') part.push(character)
      else if (text[at + 1] === '"') part.push(text.charCodeAt(++at))
      else quoted = false
    } else if (symbol === '"') {
      quoted = true
    } else if (symbol === '.') {
      part = []
      parts.push(part)
    } else {
      if (symbol === '(') before_arguments = [...part]
      if (on_at < 0 && text.startsWith(' on ', at)) on_at = at + ' on '.length
      part.push(outsideQuotes(symbol, character))
    }
  }
  return { parts, before_arguments, on_at, open_quote: quoted }
}

/** Wildcards count as such only outside quotes, as in psql's patterns. */
function outsideQuotes(symbol: string, character: number): GlobToken {
  if (symbol === '*') return any_run
  if (symbol === '?') return any_one
  return character
}

/** The text of a name's part, in which `*` and `?` (as in operators) are ordinary characters. */
function plainText(tokens: readonly GlobToken[]): string {
  return literalText(
    tokens.map((token) => {
      if (token === any_run) return 0x2a
      if (token === any_one) return 0x3f
      return token
    }),
  )
}

/**
 * All that a rule may call an object by: its name; without the arguments, for a function; and the
 * relation that it hangs on, for a trigger, policy or rule (`name on schema.table`).
 */
export function nameCandidates(name: string): readonly NameParts[] {
  const { parts, before_arguments, on_at } = scan(name)
  const whole = parts.map(plainText)
  const candidates: NameParts[] = [whole]
  if (before_arguments !== undefined) {
    candidates.push([...whole.slice(0, -1), plainText(before_arguments)])
  }
  if (on_at >= 0) candidates.push(...nameCandidates(name.slice(on_at)))
  return candidates
}

const known_names = new Map<string, readonly NameParts[]>()

/** `nameCandidates`, remembered: the same few objects are named by most statements. */
export function cachedCandidates(name: string): readonly NameParts[] {
  const known = known_names.get(name)
  if (known !== undefined) return known
  const candidates = nameCandidates(name)
  if (known_names.size >= limits.rule_memory_entries) known_names.clear()
  known_names.set(name, candidates)
  return candidates
}

/** A compiled pattern of the key `object`. */
export interface ObjectPattern {
  /** True for a name that is known whole. */
  whole(parts: NameParts): boolean
  /** True when the last part fits, whatever the schema. */
  last(parts: NameParts): boolean
}

const every_object: ObjectPattern = { whole: () => true, last: () => true }

/**
 * Compiles a pattern such as `finance.*`: part by part, so that `*` and `?` never cross a dot. A
 * lone `*` is every object, since nobody means by it only what lives in no schema. Letters count
 * as the catalog has them: quotes are for names with dots, quotes or wildcards of their own.
 * Throws `config.invalid` for a quote that does not end.
 */
export function compileObjectPattern(pattern: string): ObjectPattern {
  const { parts, open_quote } = scan(pattern)
  if (open_quote) {
    throw new WitnessError('config.invalid', `object: "${pattern}" has a quote that does not end`)
  }
  const only = parts.length === 1 ? parts[0] : undefined
  if (only !== undefined && only.length > 0 && only.every((token) => token === any_run)) {
    return every_object
  }
  const tests = parts.map(compileTokens)
  const last_test: TextTest = tests.at(-1) ?? (() => false)
  return {
    whole: (name) =>
      name.length === tests.length && tests.every((test, index) => test(name[index] ?? '')),
    last: (name) => last_test(name.at(-1) ?? ''),
  }
}
