import type { ResolvedObject } from '../catalog/names.js'
import type { RuleCondition, RuleConfig } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { type ClassKey, compileClassKey } from './class-key.js'
import type { RuleSubject } from './decision.js'
import { compileObjectNames, compileObjectTypes, type ObjectKey } from './object-key.js'
import { type Asking, compileStatementKeys, type SubjectTest } from './statement-keys.js'

/** One compiled rule. */
export interface CompiledRule {
  readonly name: string
  readonly matches: SubjectTest
  /** True when no record that the rules decide about can match. */
  readonly never: boolean
  readonly asks_time: boolean
  readonly asks_outcome: boolean
}

/** Says whether one object of a statement is of a kind. */
type ObjectTest = (object: ResolvedObject, subject: RuleSubject) => boolean

/** A rule's keys, or those of one of its exceptions, compiled for one way of asking. */
interface Condition {
  readonly statement: readonly SubjectTest[]
  readonly class_key: ClassKey | undefined
  /** `object` and `object_type`. */
  readonly objects: readonly ObjectKey[]
}

const condition_keys = [
  'class',
  'command',
  'user',
  'database',
  'application',
  'client',
  'object',
  'object_type',
  'time',
  'outcome',
  'sqlstate',
] as const satisfies readonly (keyof RuleCondition)[]

function compileCondition(condition: RuleCondition, time_zone: string, asking: Asking): Condition {
  const objects: ObjectKey[] = []
  if (condition.object !== undefined) objects.push(compileObjectNames(condition.object))
  if (condition.object_type !== undefined) objects.push(compileObjectTypes(condition.object_type))
  return {
    statement: compileStatementKeys(condition, time_zone, asking),
    class_key: condition.class === undefined ? undefined : compileClassKey(condition.class),
    objects,
  }
}

function holdsAll(tests: readonly SubjectTest[], subject: RuleSubject): boolean {
  for (const test of tests) {
    if (!test(subject)) return false
  }
  return true
}

/** The rule's own word on an object: `class`, `object` and `object_type` of the same one. */
function witnessTest({ class_key, objects }: Condition): ObjectTest {
  return (object, subject) =>
    (class_key === undefined || class_key.mayHoldFor(object, subject)) &&
    objects.every((key) => key.mayHold(object))
}

/** An exception that leaves out a whole record. */
function recordException({ statement, class_key }: Condition): SubjectTest {
  return (subject) =>
    (class_key === undefined || class_key.surelyHolds(subject)) && holdsAll(statement, subject)
}

/** An exception that leaves out single objects of a statement. */
function objectException({ statement, class_key, objects }: Condition): ObjectTest {
  return (object, subject) =>
    (class_key === undefined || class_key.surelyHoldsFor(object, subject)) &&
    objects.every((key) => key.surelyHolds(object)) &&
    holdsAll(statement, subject)
}

/**
 * Compiles the exceptions. One that speaks of objects takes single objects out, so that a
 * statement stays in as long as one other object of it matches: reading a scratch table on the
 * side hides nothing. Beside a rule on objects, a class is that of the object, too.
 */
function compileExceptions(
  rule: RuleConfig,
  time_zone: string,
): { readonly records: readonly SubjectTest[]; readonly objects: readonly ObjectTest[] } {
  const rule_on_objects = rule.object !== undefined || rule.object_type !== undefined
  const records: SubjectTest[] = []
  const objects: ObjectTest[] = []
  for (const except of rule.except ?? []) {
    if (condition_keys.every((key) => except[key] === undefined)) {
      throw new WitnessError('config.invalid', 'except: an empty map would leave out everything')
    }
    const condition = compileCondition(except, time_zone, 'surely')
    const by_object =
      condition.objects.length > 0 || (rule_on_objects && condition.class_key !== undefined)
    if (by_object) objects.push(objectException(condition))
    else records.push(recordException(condition))
  }
  return { records, objects }
}

/** True when every object that could make the rule match is excepted. */
function allExcepted(
  subject: RuleSubject,
  isWitness: ObjectTest,
  exceptions: readonly ObjectTest[],
): boolean {
  const objects = subject.objects ?? []
  if (objects.length === 0) return false
  const witnesses = objects.filter((object) => isWitness(object, subject))
  const asked = witnesses.length > 0 ? witnesses : objects
  return asked.every((object) => exceptions.some((except) => except(object, subject)))
}

function compileMatch(rule: RuleConfig, condition: Condition, time_zone: string): SubjectTest {
  const { statement, class_key } = condition
  const exceptions = compileExceptions(rule, time_zone)
  const isWitness = witnessTest(condition)
  const mayMatchRecord: SubjectTest = (subject) =>
    (class_key === undefined || class_key.mayHold(subject)) &&
    holdsAll(statement, subject) &&
    !exceptions.records.some((except) => except(subject))
  if (condition.objects.length > 0) {
    return (subject) => {
      if (subject.opaque) return mayMatchRecord(subject)
      if (subject.objects === undefined || subject.objects.length === 0) return false
      if (!holdsAll(statement, subject)) return false
      if (exceptions.records.some((except) => except(subject))) return false
      return subject.objects.some(
        (object) =>
          isWitness(object, subject) &&
          !exceptions.objects.some((except) => except(object, subject)),
      )
    }
  }
  if (exceptions.objects.length === 0) return mayMatchRecord
  return (subject) =>
    mayMatchRecord(subject) &&
    (subject.opaque || !allExcepted(subject, isWitness, exceptions.objects))
}

/**
 * Compiles one rule. Throws `config.invalid`, naming the key, for what cannot be compiled.
 */
export function compileRule(rule: RuleConfig, time_zone: string): CompiledRule {
  const condition = compileCondition(rule, time_zone, 'may')
  const { class_key, objects } = condition
  const conditions: readonly RuleCondition[] = [rule, ...(rule.except ?? [])]
  return {
    name: rule.name,
    matches: compileMatch(rule, condition, time_zone),
    never:
      class_key !== undefined &&
      (class_key.never || (objects.length > 0 && class_key.never_statements)),
    asks_time: conditions.some(({ time }) => time !== undefined),
    asks_outcome: conditions.some(
      (one) =>
        one.outcome !== undefined ||
        one.sqlstate !== undefined ||
        (one.class !== undefined && compileClassKey(one.class).asks_outcome),
    ),
  }
}
