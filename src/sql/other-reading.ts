import { clipIdentifier } from '../lib/clip-identifier.js'
import { limits } from '../lib/limits.js'
import type { Effect, ObjectReference, OtherReading, StatementFacts } from './facts.js'
import { unparsedSpans } from './redact-unparsed.js'
import { applySpans, type Span } from './spans.js'
import { SqlTokens } from './sql-tokens.js'

/**
 * True when the text has other tokens with `standard_conforming_strings` off than with it on. Where
 * the tokens are the same, only what literals say may differ, and redaction looks at both.
 */
function hasOtherTokens(text: string): boolean {
  if (!text.includes("\\'")) return false
  const plain = new SqlTokens(text, false)
  const escaped = new SqlTokens(text, true)
  while (plain.next()) {
    escaped.next()
    if (plain.end !== escaped.end) return true
  }
  return false
}

/**
 * How a text is to be shown where it is not known whether backslashes escape in it: as a whole,
 * since each reading has statements of its own, and without the secrets of either. Undefined for
 * a text whose tokens do not depend on that, which is nearly every one.
 *
 * @param spans What the parse tree says is secret.
 */
export function otherReading(text: string, spans: readonly Span[]): OtherReading | undefined {
  if (!hasOtherTokens(text)) return undefined
  const all = [...spans, ...unparsedSpans(text, 0)]
  return { text: applySpans(text, all), secret: all.length > 0 }
}

/** One statement's facts under the other reading are one object, so that decisions can be kept. */
const known = new WeakMap<StatementFacts, StatementFacts>()

/**
 * The facts of a statement of a text that the server may have read otherwise: what it is taken for
 * stays, and nothing is told that may be part of a secret then.
 */
export function factsReadOtherwise(
  statement: StatementFacts,
  reading: OtherReading,
): StatementFacts {
  const seen = known.get(statement)
  if (seen?.text === reading.text) return seen
  const facts = reading.secret ? withoutSecrets(statement, reading.text) : statement
  const shown: StatementFacts = {
    ...facts,
    text: reading.text,
    effects: facts.effects.map((effect) => effectOtherwise(effect, reading)),
  }
  known.set(statement, shown)
  return shown
}

/** A name or key word, as far as it needs no quotes. */
const bare_name = /[\w$\u0080-\uffff]+/g

/**
 * All that may be a name in a text, in lower case: what stands between blanks and symbols, or
 * between double quotes. It is asked for in the relay loop: a long text tells none.
 */
function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>()
  if (text.length > limits.redacted_here_chars) return names
  const lower = text.toLowerCase()
  for (const [name] of lower.matchAll(bare_name)) names.add(clipIdentifier(name))
  for (const quoted of lower.split('"')) names.add(clipIdentifier(quoted))
  return names
}

/** A name is told only where the text that is shown has it: it may be a part of a literal. */
function withoutSecrets(statement: StatementFacts, text: string): StatementFacts {
  const { built_in_calls, grants, ...rest } = statement
  const shown = namesIn(text)
  const isShown = (word: string | undefined): boolean =>
    word === undefined || word === '*' || shown.has(word.toLowerCase())
  const objectIsShown = (object: ObjectReference): boolean =>
    [object.name, object.schema, object.catalog, object.on?.name, object.on?.schema].every(isShown)
  return {
    ...rest,
    objects: statement.objects
      .filter(objectIsShown)
      .map((object) => (columnsOf(object).every(isShown) ? object : withoutColumns(object))),
    ...(built_in_calls === undefined ? {} : { built_in_calls: built_in_calls.filter(isShown) }),
    ...(grants === undefined ? {} : { grants: grants.filter((grant) => isShown(grant.grantee)) }),
    secret_parameters: true,
  }
}

function columnsOf(object: ObjectReference): readonly string[] {
  const apart = Object.values(object.columns_apart ?? {}).flat()
  return [...(object.columns ?? []), ...apart, ...(object.columns_perhaps ?? [])]
}

/** Columns that are not told may be any. */
function withoutColumns(object: ObjectReference): ObjectReference {
  const {
    columns: _,
    columns_apart: _apart,
    columns_perhaps: _perhaps,
    columns_missing: _missing,
    ...rest
  } = object
  return rest
}

function effectOtherwise(effect: Effect, reading: OtherReading): Effect {
  switch (effect.kind) {
    case 'prepare': {
      const statement = factsReadOtherwise(effect.statement, reading)
      return { ...effect, text: reading.text, statement }
    }
    case 'declare_cursor':
      return { ...effect, statement: factsReadOtherwise(effect.statement, reading) }
    case 'execute':
      return reading.secret ? { ...effect, parameters: [] } : effect
    default:
      return effect
  }
}
