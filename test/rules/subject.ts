import type { Resolved, ResolvedObject } from '../../src/catalog/names.js'
import type { RuleCondition, RuleConfig } from '../../src/config/config.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import type { RuleSet, RuleSubject } from '../../src/rules/decision.js'
import type { StatementClass } from '../../src/sql/facts.js'

/** An object that the catalog knows, unless `resolved` says otherwise. */
export function objectOf(
  name: string,
  class_name: StatementClass = 'READ',
  more: Partial<ResolvedObject> = {},
): ResolvedObject {
  return { name, type: 'TABLE', class: class_name, access: [], resolved: 'catalog', ...more }
}

/** `finance.account READ none`: name, class, and how sure the name is. */
export function objectFrom(text: string): ResolvedObject {
  const [name = '', class_name = 'READ', resolved = 'catalog'] = text.split(' ')
  return objectOf(name, class_name as StatementClass, { resolved: resolved as Resolved })
}

/** A successful SELECT without objects, changed as asked. */
export function subjectOf(changes: Partial<RuleSubject> = {}): RuleSubject {
  const failed = changes.outcome === 'failure' || changes.outcome === 'cancelled'
  return {
    class: 'READ',
    command: 'SELECT',
    user: 'app',
    database: 'db',
    application: 'psql',
    client: '192.0.2.1',
    objects: [],
    time_us: Date.UTC(2026, 10, 21, 12) * 1000,
    failed,
    opaque: false,
    ...changes,
  }
}

/** A subject without the session's part, as of a connection that was just accepted. */
export function bareSubject(changes: Partial<RuleSubject> = {}): RuleSubject {
  return {
    class: 'CONNECT',
    command: 'connection received',
    time_us: 0,
    failed: false,
    opaque: false,
    ...changes,
  }
}

/** Compiles rules that are named `r0`, `r1`, … in their order. */
export function rulesOf(...conditions: Omit<RuleConfig, 'name'>[]): RuleSet {
  const rules = conditions.map((condition, index) => ({ name: `r${index}`, ...condition }))
  return compileRules({ rules }, 'UTC')
}

/** True when a single rule with this condition matches. */
export function matches(
  condition: RuleCondition & Pick<RuleConfig, 'except'>,
  subject: RuleSubject,
): boolean {
  return rulesOf(condition).decide(subject).rules.length === 1
}
