import type { ResolvedObject } from '../catalog/names.js'
import type { StatementClass } from '../sql/facts.js'
import type { AuditClass, RuleSubject } from './decision.js'
import { compileWordList, type WordList } from './value-list.js'

/** Every class that a rule can ask for. */
const audit_classes = [
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
  'AUDIT',
] as const satisfies readonly AuditClass[]

/** What a text that could not be analysed may turn out to be. */
const opaque_classes = [
  'READ',
  'WRITE',
  'FUNCTION',
  'ROLE',
  'DDL',
  'MISC',
  'BACKUP',
] as const satisfies readonly AuditClass[]

/**
 * The key `class`. It is asked in two ways: *may it hold* (for a rule: what is unknown matches),
 * and *does it hold for sure* (for `except`: what is unknown does not).
 */
export interface ClassKey {
  /** The statement as a whole: its class, that of any of its objects, ERROR if it failed. */
  mayHold(subject: RuleSubject): boolean
  mayHoldFor(object: ResolvedObject, subject: RuleSubject): boolean
  /** The record's class alone: an object's own class never helps to leave a record out. */
  surelyHolds(subject: RuleSubject): boolean
  surelyHoldsFor(object: ResolvedObject, subject: RuleSubject): boolean
  /** True when only records that never have objects can match. */
  readonly never_statements: boolean
  /** True when nothing but AUDIT records, which are written anyway, can match. */
  readonly never: boolean
  /** True when the answer depends on whether the statement failed. */
  readonly asks_outcome: boolean
}

/** Whether a failure cannot be ruled out: it failed, or nobody saw how it ended. */
function mayHaveFailed(subject: RuleSubject): boolean {
  return subject.failed || subject.outcome === 'unknown'
}

class CompiledClassKey implements ClassKey {
  readonly #list: WordList<AuditClass>
  readonly #opaque_fits: boolean
  readonly #wants_error: boolean
  readonly #refuses_error: boolean
  readonly never_statements: boolean
  readonly never: boolean
  readonly asks_outcome: boolean

  constructor(values: readonly string[]) {
    this.#list = compileWordList('class', values, audit_classes)
    const { positives, negatives, has_positives } = this.#list
    this.#opaque_fits = opaque_classes.some((name) => positives.has(name))
    this.#wants_error = positives.has('ERROR')
    this.#refuses_error = negatives.has('ERROR')
    this.never_statements = has_positives && !this.#opaque_fits && !this.#wants_error
    this.never = [...positives].every((name) => name === 'AUDIT') && has_positives
    const every_class = audit_classes.every((name) => positives.has(name))
    this.asks_outcome = (this.#wants_error && !every_class) || this.#refuses_error
  }

  mayHold(subject: RuleSubject): boolean {
    if (this.#refuses_error && subject.failed) return false
    const { positives, negatives, has_positives } = this.#list
    if (!subject.opaque && negatives.has(subject.class)) return false
    if (!has_positives || positives.has(subject.class)) return true
    if (this.#wants_error && mayHaveFailed(subject)) return true
    if (subject.opaque && this.#opaque_fits) return true
    return subject.objects?.some((object) => positives.has(object.class)) ?? false
  }

  mayHoldFor(object: ResolvedObject, subject: RuleSubject): boolean {
    if (this.#refuses_error && subject.failed) return false
    const { positives, negatives, has_positives } = this.#list
    if (negatives.has(object.class)) return false
    if (!has_positives || positives.has(object.class)) return true
    if (this.#wants_error && mayHaveFailed(subject)) return true
    // A class that no object explains came from the server's tag or from the statement itself:
    // it cannot be ruled out for any of them.
    return positives.has(subject.class) && !isExplained(subject.class, subject)
  }

  surelyHolds(subject: RuleSubject): boolean {
    const { positives, negatives, has_positives } = this.#list
    if (this.#refuses_error && mayHaveFailed(subject)) return false
    if (this.#wants_error && subject.failed && negatives.size === 0) return true
    if (subject.opaque || negatives.has(subject.class)) return false
    return !has_positives || positives.has(subject.class)
  }

  surelyHoldsFor(object: ResolvedObject, subject: RuleSubject): boolean {
    const { positives, negatives, has_positives } = this.#list
    if (this.#refuses_error && mayHaveFailed(subject)) return false
    if (negatives.has(object.class)) return false
    if (!has_positives || positives.has(object.class)) return true
    return this.#wants_error && subject.failed
  }
}

function isExplained(name: AuditClass | StatementClass, subject: RuleSubject): boolean {
  return subject.objects?.some((object) => object.class === name) ?? false
}

/** Compiles the key `class`. Throws `config.invalid` for a class that does not exist. */
export function compileClassKey(values: readonly string[]): ClassKey {
  return new CompiledClassKey(values)
}
