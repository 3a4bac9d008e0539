import type { RuleCondition } from '../config/config.js'
import { zoneClock } from '../lib/zone-clock.js'
import { compileClient } from './client-pattern.js'
import type { Outcome, RuleSubject } from './decision.js'
import { remember, type TextTest } from './glob.js'
import { compileTimeWindow } from './time-window.js'
import { compileTextList, compileWordList, passes, splitValues } from './value-list.js'

/** Says whether a key holds for a record as a whole. */
export type SubjectTest = (subject: RuleSubject) => boolean

/**
 * How a key is asked. `may`: it holds unless that can be ruled out (for a rule). `surely`: it holds
 * only if that is known (for `except`). In both, what does not apply does not hold.
 */
export type Asking = 'may' | 'surely'

const outcomes = [
  'success',
  'failure',
  'suspended',
  'cancelled',
  'skipped',
  'prepared',
  'unknown',
] as const satisfies readonly Outcome[]

/** A text that is there or does not apply. */
function whenPresent(
  read: (subject: RuleSubject) => string | undefined,
  test: TextTest,
): SubjectTest {
  return (subject) => {
    const value = read(subject)
    return value !== undefined && test(value)
  }
}

/** The tag of a text that could not be analysed is as uncertain as its class. */
function commandTest(values: readonly string[], asking: Asking): SubjectTest {
  const test = compileTextList('command', values, true)
  return (subject) => (subject.opaque ? asking === 'may' : test(subject.command))
}

function clientTest(values: readonly string[]): SubjectTest {
  const list = splitValues('client', values)
  const positives = list.positives.map(compileClient)
  const negatives = list.negatives.map(compileClient)
  return whenPresent(
    (subject) => subject.client,
    remember((client) => passes(positives, negatives, (test) => test(client))),
  )
}

function timeTest(values: readonly string[], time_zone: string): SubjectTest {
  const clock = zoneClock(time_zone)
  const list = splitValues('time', values)
  const positives = list.positives.map(compileTimeWindow)
  const negatives = list.negatives.map(compileTimeWindow)
  return (subject) => {
    const second = clock.secondOfDay(subject.time_us)
    return passes(positives, negatives, (test) => test(second))
  }
}

/** A statement whose end nobody saw may have ended in any way, and did surely end unseen. */
function outcomeTest(values: readonly string[], asking: Asking): SubjectTest {
  const { positives, negatives, has_positives } = compileWordList('outcome', values, outcomes)
  return ({ outcome }) => {
    if (outcome === undefined || negatives.has(outcome)) return false
    if (positives.has(outcome)) return true
    if (outcome === 'unknown') return asking === 'may'
    return !has_positives
  }
}

function sqlstateTest(values: readonly string[], asking: Asking): SubjectTest {
  const test = compileTextList('sqlstate', values, true)
  return ({ sqlstate, outcome }) => {
    if (sqlstate !== undefined) return test(sqlstate)
    return outcome === 'unknown' && asking === 'may'
  }
}

/**
 * Compiles the keys of a condition that look at the record as a whole: all but `class`, `object`
 * and `object_type`. Cheap ones come first. Throws `config.invalid`.
 */
export function compileStatementKeys(
  condition: RuleCondition,
  time_zone: string,
  asking: Asking,
): SubjectTest[] {
  const tests: SubjectTest[] = []
  const { user, database, application, client, command, outcome, sqlstate, time } = condition
  if (outcome !== undefined) tests.push(outcomeTest(outcome, asking))
  if (sqlstate !== undefined) tests.push(sqlstateTest(sqlstate, asking))
  if (user !== undefined) {
    tests.push(whenPresent((subject) => subject.user, compileTextList('user', user, false)))
  }
  if (database !== undefined) {
    const test = compileTextList('database', database, false)
    tests.push((subject) => {
      if (subject.database !== undefined) return test(subject.database)
      // A session without a database replicates the whole server: none can be ruled out.
      return subject.user !== undefined && asking === 'may'
    })
  }
  if (application !== undefined) {
    const test = compileTextList('application', application, false)
    tests.push(whenPresent((subject) => subject.application, test))
  }
  if (command !== undefined) tests.push(commandTest(command, asking))
  if (client !== undefined) tests.push(clientTest(client))
  if (time !== undefined) tests.push(timeTest(time, time_zone))
  return tests
}
