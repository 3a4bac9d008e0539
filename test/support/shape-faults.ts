import { isDeepStrictEqual } from 'node:util'
import { type ScanToken, scanSync } from 'libpg-query'
import type { StatementFacts, TextFacts } from '../../src/sql/facts.js'
import { parseText } from '../../src/sql/parse-text.js'
import { mayHoldSecret } from '../../src/sql/secret-names.js'
import { SharedFacts } from '../../src/sql/shared-facts.js'
import { ShapeReader, shape_marks } from '../../src/sql/text-shape.js'

/** The kinds of literals that a shape has marks for. */
export type Mark = keyof typeof shape_marks

const kinds = new Map<string, Mark>(
  Object.entries(shape_marks).map(([kind, mark]) => [mark, kind as Mark]),
)
const marks = /[\u0001-\u0004]/g

const token_names: Readonly<Record<Mark, string>> = {
  integer: 'ICONST',
  large: 'FCONST',
  decimal: 'FCONST',
  string: 'SCONST',
}

/** A text, its shape, and where its literals end. */
interface Shaped {
  readonly text: string
  readonly shape: string
  readonly ends: Int32Array
}

function shapedText(text: string): Shaped | undefined {
  const reader = new ShapeReader()
  const shape = reader.read(text)
  return shape === undefined ? undefined : { text, shape, ends: reader.ends.slice(0, reader.count) }
}

/** What is no valid JSON in the answer of the scanner's wrapper: it does not escape form feeds. */
const unreadable = /control character/

/** The tokens of PostgreSQL's scanner, or why there are none. */
function scanned(text: string): readonly ScanToken[] | 'refused' | 'unreadable' {
  try {
    return scanSync(text).tokens
  } catch (error) {
    return unreadable.test(String(error)) ? 'unreadable' : 'refused'
  }
}

/** What the scanner has against two texts of one shape. */
function scanFault(one: Shaped, other: Shaped): string | undefined {
  const [ours, theirs] = [scanned(one.text), scanned(other.text)]
  if (ours === 'unreadable' || theirs === 'unreadable') return undefined
  if (ours === 'refused' || theirs === 'refused') {
    return ours === theirs ? undefined : 'the scanner refuses one of the two'
  }
  if (ours.length !== theirs.length) return 'one has more tokens than the other'
  const expected = [...one.shape.matchAll(marks)].map(([mark]) => kinds.get(mark))
  let literals = 0
  for (const [index, token] of ours.entries()) {
    const twin = theirs[index]
    if (twin === undefined || token.tokenName !== twin.tokenName) return 'tokens differ in kind'
    if (token.end === one.ends[literals] && twin.end === other.ends[literals]) {
      const kind = expected[literals]
      literals++
      if (kind === undefined || token.tokenName !== token_names[kind]) {
        return `a literal is a ${token.tokenName}`
      }
    } else if (token.text !== twin.text) return 'tokens that are no literals differ'
  }
  return literals === expected.length ? undefined : 'a literal is no token'
}

function withoutOrigin({ analysed_as: _, ...statement }: StatementFacts): unknown {
  return statement
}

/** What the facts that one text would be given say otherwise than its own analysis. */
function factsFault(one: Shaped, other: Shaped): string | undefined {
  const [ours, theirs] = [parseText(one.text), parseText(other.text)]
  if (ours.sharing === 'shared') return sharedFault(ours, one, theirs, other)
  // Which of the two comes first must not decide, save where a literal may be a secret.
  const secret = mayHoldSecret(one.text) !== mayHoldSecret(other.text)
  if (!secret && theirs.sharing === 'shared') return sharedFault(theirs, other, ours, one)
  return undefined
}

function sharedFault(
  facts: TextFacts,
  one: Shaped,
  expected: TextFacts,
  other: Shaped,
): string | undefined {
  if (mayHoldSecret(other.text)) return undefined
  const shared = new SharedFacts(facts, one.ends, one.ends.length).of(other.text, other.ends)
  if (expected.status !== 'parsed') return `the other one is a ${expected.status}`
  if (expected.sharing !== 'shared') return `the other one does not share: ${expected.sharing}`
  if (expected.other_reading !== undefined) return 'the other one has another reading'
  const given = shared.statements.map(withoutOrigin)
  const own = expected.statements.map(withoutOrigin)
  return isDeepStrictEqual(given, own)
    ? undefined
    : `facts differ: ${JSON.stringify(given)} for ${JSON.stringify(own)}`
}

/**
 * Says what is wrong with the shape of a text, judged by PostgreSQL's scanner and by the whole
 * analysis: the text is compared with one of other literals, which `fill` gives. Gives undefined
 * when nothing is, or when the text has no shape. The parser must have been loaded.
 */
export function shapeFault(text: string, fill: (mark: Mark) => string): string | undefined {
  const one = shapedText(text)
  if (one === undefined) return undefined
  const filled = one.shape.replace(marks, (mark) => fill(kinds.get(mark) ?? 'string'))
  const other = shapedText(filled)
  if (other?.shape !== one.shape) return `another shape with other literals: ${filled}`
  const fault = scanFault(one, other) ?? factsFault(one, other)
  return fault === undefined ? undefined : `${fault}: ${filled}`
}

/** Values that a fact might hang on, or that might be mistaken for the end of their literal. */
export const fillings: Readonly<Record<Mark, readonly string[]>> = {
  integer: ['0', '1', '2', '7', '54', '2147483647', '1234567890', '007'],
  large: ['2147483648', '4294967296', '99999999999999999999', '9999999999'],
  decimal: ['0.5', '1.0', '3.14159', '10000000000.25'],
  string: [
    ...["''", "'a'", "'it''s'", "''''", "'1'", "'on'", "'true'", "'t'", "'public.t'", "'year'"],
    ...["'search_path'", "'role'", "'--'", "'/*'", "';'", "'; DROP TABLE t'", "'\"'", "'a\nb'"],
    ...["'password'", "'host=h password=x'", "'(('", "'select 1'", "'g'", "'UTC'", "'1 day'"],
  ],
}
