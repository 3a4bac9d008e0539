import type { ResolvedObject } from '../catalog/names.js'
import type { StatementClass } from '../sql/facts.js'

/** Every class that a record can have. */
export type AuditClass = StatementClass | 'CONNECT' | 'ERROR' | 'SYSTEM' | 'AUDIT'

/** A statement's own outcome. */
export type Outcome =
  | 'success'
  | 'failure'
  | 'suspended'
  | 'cancelled'
  | 'skipped'
  | 'prepared'
  | 'unknown'

/**
 * What a rule looks at. An absent member means that the key does not apply (a login has no
 * objects); a member that applies but is not known is named in `unknown`.
 */
export interface RuleSubject {
  readonly class: AuditClass
  readonly command: string
  readonly user?: string
  readonly database?: string
  readonly application?: string
  /** Address as in the record; `[local]` for a Unix socket. */
  readonly client?: string
  /** Present (maybe empty) for statements, absent for other records. */
  readonly objects?: readonly ResolvedObject[]
  /** Arrival, microseconds since 1970 (UTC). */
  readonly time_us: number
  readonly outcome?: Outcome
  readonly sqlstate?: string
  /** True when the statement failed: `class: ERROR` matches every failure. */
  readonly failed: boolean
  /** True when the text could not be analysed: its class and objects could be anything. */
  readonly opaque: boolean
}

/** What the rules say of one subject. */
export interface Decision {
  /** A record is written when a rule matched or object auditing marked one of the objects. */
  readonly record: boolean
  /**
   * Names of the session rules that matched, in the order of the configuration. The same names
   * come as the same array, so that what is rendered from it can be cached by identity.
   */
  readonly rules: readonly string[]
  /**
   * True when session auditing asks for the record: a rule matched, no rules are configured (then
   * `rules` is empty), or it is an AUDIT record. False when object auditing alone does.
   */
  readonly session: boolean
}

/** Compiled rules. Pure: the same subject gives the same decision. */
export interface RuleSet {
  decide(subject: RuleSubject): Decision
  /** True when no subject can match, so that a session may be relayed without formatting. */
  readonly silent: boolean
  /**
   * What decisions depend on besides session, facts and objects, so that a caller knows what a
   * cached decision must be keyed by: the time of day, and how the statement ended.
   */
  readonly varying: { readonly time: boolean; readonly outcome: boolean }
}
