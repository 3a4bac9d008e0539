import { type CallKind, callKind, isSecretOption, isSecretWord } from './secret-names.js'
import type { Span } from './spans.js'

/**
 * How the contents of a literal are read.
 * - `conninfo`: only as a connection string or URI; anything else is data.
 * - `fragment`: also as a piece of SQL or of a configuration, where `password = …` has a value.
 * - `connection`: as a connection string for certain; what is not one is secret as a whole.
 * - `code`: as the body of a function.
 */
export type Inside = 'conninfo' | 'fragment' | 'connection' | 'code'

/** What counts as a secret in one text. */
export interface Policy {
  /** A literal that follows such a name is a secret; `only_options` limits it to OPTIONS (…). */
  readonly near: (name: string, position: number) => boolean
  readonly only_options: boolean
  /** True when a value without quotes after `password =` is a secret too. */
  readonly bare: boolean
  /** True when TO stands for the equals sign. */
  readonly to_assigns: boolean
  /** How the arguments of a function of this name are read. */
  readonly calls: (name: string) => CallKind | undefined
  /** How a literal is read; `before` is the name right before it. */
  readonly inside: (before: string | undefined) => Inside
  /** Finds the secrets in a dollar-quoted literal; absent to read it as other literals. */
  readonly read_dollar?: (value: string, depth: number) => readonly Span[]
  /** True when the literal at this position is a secret whatever it says. */
  readonly whole: (position: number) => boolean
  /** Where a secret without quotes ends at the latest; -1 where it cannot stand alone. */
  readonly tail: (position: number) => number
}

/** Literals of ordinary queries are data; only calls and connection strings are looked at. */
export const query_policy: Policy = {
  near: isSecretWord,
  only_options: true,
  bare: false,
  to_assigns: false,
  calls: callKind,
  inside: () => 'conninfo',
  whole: () => false,
  tail: () => -1,
}

/** Other statements: the same, but what stands inside literals may be SQL or configuration. */
export const utility_policy: Policy = {
  ...query_policy,
  inside: () => 'fragment',
}

/** Statements in which a password is followed by its value. */
export const secret_policy: Policy = { ...utility_policy, only_options: false }

/** What stands in code: connection strings, and code of its own behind DO and AS. */
function insideCode(before: string | undefined): Inside {
  const word = before?.toLowerCase()
  if (word === 'connection') return 'connection'
  return word === 'do' || word === 'as' ? 'code' : 'fragment'
}

/** Servers, wrappers and user mappings, whose options are mostly about how to log in. */
export const option_policy: Policy = { ...secret_policy, near: isSecretOption }

/** CREATE SUBSCRIPTION and ALTER SUBSCRIPTION. */
export const connection_policy: Policy = {
  ...secret_policy,
  inside: (before) => (before?.toLowerCase() === 'connection' ? 'connection' : 'fragment'),
}

/** CREATE FUNCTION and DO, whose literals are code. */
export const function_policy: Policy = { ...secret_policy, inside: () => 'code' }

/** The contents of a literal or comment. */
export const fragment_policy: Policy = { ...secret_policy, inside: insideCode, bare: true }

/** The body of a function, whose statements `findInCode` looks at one by one. */
export const code_policy: Policy = { ...secret_policy, inside: insideCode, to_assigns: true }
