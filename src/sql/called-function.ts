import type { StatementFacts } from './facts.js'
import type { Forgets } from './findings.js'
import { meaningOfName } from './function-calls.js'
import { callKind } from './secret-names.js'

/** A function as the catalog names it. */
interface FunctionName {
  readonly schema: string
  readonly name: string
  /** `schema.name(integer, text)`. */
  readonly title: string
  readonly argument_types: readonly number[]
}

/** Which setting it is of is among the values, which are not read. */
const set_config_forgets: readonly Forgets[] = ['settings', 'role']

/** One function's facts are one object, so that decisions about it can be kept. */
const known = new WeakMap<FunctionName, StatementFacts>()

/**
 * The facts of a FunctionCall message, once its function is known: what a SELECT of the same call
 * may do to its session, and whether its arguments may be secrets. It has no text of its own; the
 * function's name stands for it. The function is an object even where a SELECT of it, such as of
 * lower(), would have none: there is nothing else to tell.
 */
export function calledFunctionFacts(called: FunctionName): StatementFacts {
  const seen = known.get(called)
  if (seen !== undefined) return seen
  const { schema, name, title, argument_types } = called
  const { forgets } = meaningOfName([schema, name], argument_types.length)
  const sets = schema === 'pg_catalog' && name === 'set_config'
  const effects = sets ? set_config_forgets : forgets
  const facts: StatementFacts = {
    start: 0,
    end: 0,
    text: title,
    node: 'FunctionCall',
    class: 'FUNCTION',
    command: 'FUNCTION CALL',
    tags: ['*'],
    objects: [],
    effects: effects.length === 0 ? [] : [{ kind: 'opaque', forgets: effects }],
    secret_parameters: callKind(name) !== undefined,
    reason: 'It calls a function by its number.',
  }
  known.set(called, facts)
  return facts
}
