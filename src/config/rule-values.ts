import { accepted, type Parse, type Parsed, refused } from './parsed.js'
import { suggest } from './suggest.js'
import { parseNetwork, parseText } from './values.js'

/** The classes that a rule can name; AUDIT is not among them, since those are always written. */
export const rule_classes = [
  'READ',
  'WRITE',
  'FUNCTION',
  'ROLE',
  'DDL',
  'MISC',
  'CONNECT',
  'ERROR',
  'SYSTEM',
  'BACKUP',
] as const

/** The outcomes that a rule can name. */
export const rule_outcomes = [
  'success',
  'failure',
  'suspended',
  'cancelled',
  'skipped',
  'prepared',
  'unknown',
] as const

/** Splits the `!` of a negated pattern from the pattern. */
function negation(text: string): { readonly mark: '!' | ''; readonly rest: string } {
  return text.startsWith('!') ? { mark: '!', rest: text.slice(1) } : { mark: '', rest: text }
}

/** A glob on text, maybe negated. */
export function parsePattern(input: unknown): Parsed<string> {
  if (typeof input === 'number') {
    return refused('is a number, not text', 'Write it in quotes.')
  }
  const text = parseText(input)
  if (!text.ok) return text
  if (negation(text.value).rest.trim() === '') {
    return refused('negates nothing', 'Write the pattern right after the !, in quotes: "!etl_*".')
  }
  return text
}

/**
 * A word of a closed list, maybe negated, in any case; `fold` brings it to the list's own. A glob
 * must fit at least one word: one that fits none is a typing error that would hide records.
 */
function wordOf(words: readonly string[], fold: (text: string) => string): Parse<string> {
  const list = `Choose from: ${words.join(', ')}.`
  return (input) => {
    const pattern = parsePattern(input)
    if (!pattern.ok) return refused(pattern.reason, list)
    const { mark, rest } = negation(pattern.value)
    const word = fold(rest)
    if (words.includes(word)) return accepted(mark + word)
    if (isGlob(word) && words.some((candidate) => globFits(word, candidate))) {
      return accepted(mark + word)
    }
    const near = suggest(word, words)
    return refused('is not known here', near === undefined ? list : `Did you mean ${near}? ${list}`)
  }
}

function isGlob(text: string): boolean {
  return /[*?]/.test(text)
}

function globFits(glob: string, word: string): boolean {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`).test(word)
}

const parseKnownClass = wordOf(rule_classes, (text) => text.toUpperCase())

/** A class of records. */
export function parseClass(input: unknown): Parsed<string> {
  if (typeof input === 'string' && /^!?audit$/i.test(input)) {
    return refused('is not for rules to decide', 'AUDIT records are always written: leave it out.')
  }
  if (typeof input === 'string' && /^all$/i.test(input)) {
    return refused('is not a class', 'A rule without the key `class` matches every class.')
  }
  return parseKnownClass(input)
}

/** An outcome of a statement. */
export const parseOutcome: Parse<string> = wordOf(rule_outcomes, (text) => text.toLowerCase())

const sqlstate_hint =
  'Write five digits or upper-case letters in quotes, with * or ? for a family: "42P01", "28*".'

/** An SQLSTATE or a glob on it. */
export function parseSqlstate(input: unknown): Parsed<string> {
  const pattern = parsePattern(input)
  if (!pattern.ok) return refused(pattern.reason, sqlstate_hint)
  const { mark, rest } = negation(pattern.value)
  const state = rest.toUpperCase()
  const whole = isGlob(state) ? /^[0-9A-Z*?]{1,6}$/ : /^[0-9A-Z]{5}$/
  return whole.test(state) ? accepted(mark + state) : refused('is not an SQLSTATE', sqlstate_hint)
}

/** A type of objects in pgaudit's words, which are upper-case. */
export function parseObjectType(input: unknown): Parsed<string> {
  const pattern = parsePattern(input)
  if (!pattern.ok) return pattern
  const { mark, rest } = negation(pattern.value)
  const type = rest.toUpperCase()
  if (/^[A-Z*?][A-Z*? ]*$/.test(type)) return accepted(mark + type)
  return refused('is not an object type', 'Write it as TABLE, VIEW or FOREIGN TABLE.')
}

/** The client's address: an address, a network, or `[local]` for a Unix socket. */
export function parseClient(input: unknown): Parsed<string> {
  const pattern = parsePattern(input)
  if (!pattern.ok) return pattern
  const { rest } = negation(pattern.value)
  if (rest === '[local]') return accepted(pattern.value)
  const network = parseNetwork(rest)
  if (network.ok) return accepted(pattern.value)
  return refused(network.reason, `${network.hint} A client on a Unix socket is "[local]".`)
}

const time_hint = 'Write a daily window as "22:00-06:00", in the trail\'s time_zone.'

/** A daily window; one that ends before it begins goes over midnight. */
export function parseTimeWindow(input: unknown): Parsed<string> {
  if (typeof input !== 'string') return refused('is not a time window', `${time_hint} In quotes.`)
  const match = /^!?([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(input)
  if (match === null) return refused('is not a time window', time_hint)
  if (match[1] === match[3] && match[2] === match[4]) {
    return refused('is a window without length', 'For the whole day leave the key out.')
  }
  return accepted(input)
}

/** The name of a rule, which records carry. */
export function parseRuleName(input: unknown): Parsed<string> {
  const hint = 'Write 1 to 63 letters, digits, blanks or any of _ . : / -'
  if (input === undefined) return refused('is missing', 'Give the rule a name: records carry it.')
  if (typeof input !== 'string') return refused('is not a name', hint)
  if (!/^[\p{L}\p{N}_](?:[\p{L}\p{N} _.:/-]{0,61}[\p{L}\p{N}_.:/-])?$/u.test(input)) {
    return refused('is not a name', hint)
  }
  return accepted(input)
}
