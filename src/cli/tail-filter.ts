import { WitnessError } from '../errors.js'
import type { AuditRecord } from '../record/audit-record.js'
import { compileRule } from '../rules/compile-rule.js'
import type { RuleSubject } from '../rules/decision.js'

/** Which records are wanted; what is absent is not asked about. */
export interface TailFilter {
  /** As the keys of a rule have them. */
  readonly class?: readonly string[]
  readonly user?: readonly string[]
  readonly object?: readonly string[]
  readonly failed: boolean
  /** Earliest time, microseconds since 1970. */
  readonly since_us?: number
}

/** Says whether a record is wanted; undefined stands for a line that cannot be read. */
export type RecordTest = (record: AuditRecord | undefined) => boolean

/** True when every line is wanted, so that none has to be read for it. */
export function wantsAll(filter: TailFilter): boolean {
  const { class: class_, user, object, failed, since_us } = filter
  return [class_, user, object, since_us].every((one) => one === undefined) && !failed
}

/**
 * The filter as a rule of the configuration would judge: what a record does not know of its objects
 * matches, and so does a line that cannot be read. Throws `tail.filter` for a pattern that no rule
 * could have.
 */
export function compileFilter(filter: TailFilter): RecordTest {
  const { class: class_, user, object, failed, since_us } = filter
  const rule = compiled({
    name: 'tail',
    ...(class_ === undefined ? {} : { class: class_ }),
    ...(user === undefined ? {} : { user }),
    ...(object === undefined ? {} : { object }),
  })
  return (record) => {
    if (record === undefined) return true
    if (since_us !== undefined && record.time_us < since_us) return false
    if (failed && !hasFailed(record)) return false
    return rule.matches(subjectOf(record))
  }
}

function compiled(rule: Parameters<typeof compileRule>[0]): ReturnType<typeof compileRule> {
  try {
    return compileRule(rule, 'UTC')
  } catch (error) {
    if (!(error instanceof WitnessError)) throw error
    throw new WitnessError('tail.filter', `--${error.message}`, { cause: error })
  }
}

/** True for what did not succeed: an error of the server, a refused login, a cancelled statement. */
export function hasFailed({ outcome }: AuditRecord): boolean {
  return outcome === 'failure' || outcome === 'cancelled'
}

function subjectOf(record: AuditRecord): RuleSubject {
  const { session, objects, outcome, sqlstate, analysis } = record
  return {
    class: record.class,
    command: record.command,
    ...(session?.user === undefined ? {} : { user: session.user }),
    ...(objects === undefined ? {} : { objects }),
    time_us: record.time_us,
    ...(outcome === undefined ? {} : { outcome }),
    ...(sqlstate === undefined ? {} : { sqlstate }),
    failed: hasFailed(record),
    opaque: analysis !== undefined && analysis !== 'tag',
  }
}
