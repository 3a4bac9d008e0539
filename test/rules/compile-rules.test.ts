import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RuleConfig } from '../../src/config/config.js'
import { limits } from '../../src/lib/limits.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { bareSubject, matches, objectOf, rulesOf, subjectOf } from './subject.js'

describe('compileRules', () => {
  it('records everything when there is no key rules', () => {
    const set = compileRules({}, 'UTC')
    expect(set.decide(subjectOf())).toEqual({ record: true, rules: [], session: true })
    expect(set.silent).toBe(false)
    expect(set.varying).toEqual({ time: false, outcome: false })
  })

  it('records with an empty list only what object auditing marked', () => {
    const set = compileRules({ rules: [], object_audit: { role: 'auditor' } }, 'UTC')
    const ignored = subjectOf({ objects: [objectOf('s.a')] })
    const audited = subjectOf({
      objects: [objectOf('s.a'), objectOf('s.b', 'READ', { audited: true })],
    })
    expect(set.decide(ignored)).toEqual({ record: false, rules: [], session: false })
    expect(set.decide(audited)).toEqual({ record: true, rules: [], session: false })
    expect(set.decide(bareSubject()).record).toBe(false)
    expect(set.silent).toBe(false)
  })

  it('takes what could not be understood for audited, where object auditing is on', () => {
    const set = compileRules({ rules: [], object_audit: { role: 'auditor' } }, 'UTC')
    const opaque = subjectOf({ class: 'WRITE', opaque: true })
    expect(set.decide(opaque)).toEqual({ record: true, rules: [], session: false })
    expect(set.decide(subjectOf({ class: 'FUNCTION', opaque: true })).record).toBe(true)
    expect(set.decide(subjectOf({ class: 'FUNCTION' })).record).toBe(false)
    expect(compileRules({ rules: [] }, 'UTC').decide(opaque).record).toBe(false)
  })

  it('names the rules that matched, in their order, and says so beside object auditing', () => {
    const set = rulesOf({ class: ['READ'] }, { class: ['DDL'] }, { user: ['app'] })
    const objects = [objectOf('s.a', 'READ', { audited: true })]
    expect(set.decide(subjectOf({ objects }))).toEqual({
      record: true,
      rules: ['r0', 'r2'],
      session: true,
    })
  })

  it('gives the same rules as the same array, also for names that occur twice', () => {
    const set = compileRules(
      { rules: [{ name: 'same' }, { name: 'same', class: ['READ'] }] },
      'UTC',
    )
    const first = set.decide(subjectOf())
    expect(first.rules).toEqual(['same', 'same'])
    expect(set.decide(subjectOf()).rules).toBe(first.rules)
    expect(set.decide(subjectOf({ class: 'DDL' })).rules).toEqual(['same'])
  })

  it('stays right when there are more combinations than it keeps', () => {
    const letters = 'abcdefghijklm'
    const rules = Array.from(letters, (letter) => ({ name: letter, user: [`*${letter}*`] }))
    const set = compileRules({ rules }, 'UTC')
    expect(2 ** letters.length).toBeGreaterThan(limits.rule_combinations)
    for (let mask = 0; mask < 2 ** letters.length; mask++) {
      const user = Array.from(letters).filter((_, index) => (mask & (1 << index)) !== 0)
      expect(set.decide(subjectOf({ user: user.join('') })).rules).toEqual(user)
    }
  })

  it('always records AUDIT, without a rule, whatever the rules', () => {
    for (const rules of [[], [{ name: 'r', user: ['nobody'] }]]) {
      const decision = compileRules({ rules }, 'UTC').decide(
        bareSubject({ class: 'AUDIT', command: 'audit.rotate' }),
      )
      expect(decision).toEqual({ record: true, rules: [], session: true })
    }
  })

  it.each<[Omit<RuleConfig, 'name'>, boolean]>([
    [{ class: ['AUDIT'] }, true],
    [{ class: ['CONNECT'], object: ['a.*'] }, true],
    [{ class: ['ERROR'], object: ['a.*'] }, false],
    [{ class: ['READ', '!READ'] }, false],
    [{}, false],
  ])('%j is silent: %s', (condition, silent) => {
    expect(rulesOf(condition).silent).toBe(silent)
  })

  it('is silent without rules and object auditing', () => {
    expect(compileRules({ rules: [] }, 'UTC').silent).toBe(true)
  })

  it.each<[Omit<RuleConfig, 'name'>, boolean, boolean]>([
    [{ class: ['READ'], user: ['a'] }, false, false],
    [{ time: ['22:00-06:00'] }, true, false],
    [{ except: [{ time: ['22:00-06:00'] }] }, true, false],
    [{ class: ['ERROR'] }, false, true],
    [{ class: ['!e*'] }, false, true],
    [{ class: ['*'] }, false, false],
    [{ sqlstate: ['28*'] }, false, true],
    [{ except: [{ outcome: ['success'] }] }, false, true],
  ])('%j varies with time %s, with the outcome %s', (condition, time, outcome) => {
    expect(rulesOf(condition).varying).toEqual({ time, outcome })
  })

  it.each<[Omit<RuleConfig, 'name'>, RegExp]>([
    [{ class: ['WRTE'] }, /class: "WRTE" is none of READ/],
    [{ outcome: ['won'] }, /outcome: "won"/],
    [{ user: [] }, /user: the list is empty/],
    [{ client: ['10.0.0.0/33'] }, /client: "10.0.0.0\/33"/],
    [{ client: ['10.*'] }, /client/],
    [{ client: ['010.0.0.1'] }, /client/],
    [{ client: ['::1/129'] }, /client/],
    [{ client: ['::ffff:10.0.0.0/8'] }, /client/],
    [{ time: ['22-06'] }, /time: "22-06"/],
    [{ time: ['22:60-06:00'] }, /time/],
    [{ time: ['24:01-06:00'] }, /time/],
    [{ object: ['a."b'] }, /object/],
    [{ except: [{}] }, /except/],
    [{ except: [{ class: ['nothing'] }] }, /class/],
  ])('refuses %j, naming rule and key', (condition, message) => {
    expect(() => rulesOf({}, condition)).toThrow(message)
    expect(() => rulesOf({}, condition)).toThrow(/^rules\[1\] \(r1\): /)
    expect(() => rulesOf({}, condition)).toThrow(
      expect.objectContaining({ code: 'config.invalid' }),
    )
  })

  it('refuses an unknown time zone', () => {
    expect(() =>
      compileRules({ rules: [{ name: 'r', time: ['00:00-01:00'] }] }, 'Mars/Base'),
    ).toThrow(/Mars\/Base/)
  })
})

describe('texts', () => {
  it.each([
    [['app'], 'app', true],
    [['app'], 'APP', false],
    [['a*', '!app'], 'app', false],
    [['a*', '!app'], 'apx', true],
    [['!svc_*'], 'app', true],
    [['!svc_*'], 'svc_1', false],
    [['a', 'b'], 'b', true],
    [[''], '', true],
  ])('user %j on %s: %s', (user, value, expected) => {
    expect(matches({ user }, subjectOf({ user: value }))).toBe(expected)
    expect(matches({ database: user }, subjectOf({ database: value }))).toBe(expected)
    expect(matches({ application: user }, subjectOf({ application: value }))).toBe(expected)
  })

  it('compares commands and classes in any case', () => {
    expect(matches({ command: ['create *'] }, subjectOf({ command: 'CREATE TABLE' }))).toBe(true)
    expect(matches({ command: ['Disconnection'] }, bareSubject({ command: 'disconnection' }))).toBe(
      true,
    )
    expect(matches({ class: ['r*'] }, subjectOf({ class: 'ROLE' }))).toBe(true)
  })

  it.each([
    'user',
    'database',
    'application',
    'client',
    'outcome',
    'sqlstate',
    'object',
    'object_type',
  ])('does not match what %s does not apply to, negated or not', (key) => {
    const value = key === 'client' ? '10.0.0.1' : key === 'outcome' ? 'success' : 'x'
    expect(matches({ [key]: [value] }, bareSubject())).toBe(false)
    expect(matches({ [key]: [`!${value}`] }, bareSubject())).toBe(false)
    expect(matches({ except: [{ [key]: [`!${value}`] }] }, bareSubject())).toBe(true)
  })

  it('agrees with the definition of a list for any values', () => {
    const value = fc.constantFrom('a', 'b', 'ab', 'a*', '*b', '?')
    const item = fc.tuple(fc.boolean(), value)
    fc.assert(
      fc.property(
        fc.array(item, { minLength: 1 }),
        fc.constantFrom('a', 'b', 'ab'),
        (list, user) => {
          const fits = (pattern: string): boolean =>
            new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(user)
          const positives = list.filter(([negated]) => !negated)
          const expected =
            (positives.length === 0 || positives.some(([, pattern]) => fits(pattern))) &&
            !list.some(([negated, pattern]) => negated && fits(pattern))
          const values = list.map(([negated, pattern]) => `${negated ? '!' : ''}${pattern}`)
          expect(matches({ user: values }, subjectOf({ user }))).toBe(expected)
        },
      ),
    )
  })
})

describe('client', () => {
  it.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
    ['::ffff:10.0.0.0/104', '10.1.1.1', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['2001:db8::/32', '2001:db8:0:0::1', true],
    ['2001:0DB8::1', '2001:db8::1', true],
    ['::/0', '10.0.0.1', false],
    ['0.0.0.0/0', '10.0.0.1', true],
    ['0.0.0.0/0', '[local]', false],
    ['[local]', '[local]', true],
    ['[local]', '127.0.0.1', false],
    ['fe80::1', 'fe80::1%eth0', true],
    ['!10.0.0.0/8', '10.0.0.1', false],
    ['!10.0.0.0/8', '[local]', true],
  ])('%s on %s: %s', (client, address, expected) => {
    expect(matches({ client: [client] }, subjectOf({ client: address }))).toBe(expected)
  })
})

describe('time', () => {
  const at = (hour: number, minute = 0, second = 0): number =>
    Date.UTC(2026, 5, 1, hour, minute, second) * 1000

  it.each([
    ['09:00-17:00', at(9), true],
    ['09:00-17:00', at(16, 59, 59), true],
    ['09:00-17:00', at(17), false],
    ['22:00-06:00', at(22), true],
    ['22:00-06:00', at(0), true],
    ['22:00-06:00', at(6), false],
    ['22:00-06:00', at(12), false],
    ['22:00-24:00', at(23, 59, 59), true],
    ['22:00-24:00', at(0), false],
    ['00:00-00:00', at(13), true],
    ['08:30:15-08:30:16', at(8, 30, 15), true],
    ['!22:00-06:00', at(12), true],
    ['!22:00-06:00', at(23), false],
  ])('%s at %d: %s', (window, time_us, expected) => {
    expect(matches({ time: [window] }, subjectOf({ time_us }))).toBe(expected)
  })

  it('uses the zone, also when its clocks are put forward and back', () => {
    const set = compileRules({ rules: [{ name: 'r', time: ['02:00-03:00'] }] }, 'Europe/Berlin')
    const minutes = (day_us: number): number => {
      let matched = 0
      for (let minute = 0; minute < 24 * 60; minute++) {
        const time_us = day_us + minute * 60_000_000
        if (set.decide(subjectOf({ time_us })).record) matched++
      }
      return matched
    }
    const local_midnight = (month: number, day: number, offset: number): number =>
      (Date.UTC(2026, month, day) - offset * 3_600_000) * 1000
    expect(minutes(local_midnight(5, 1, 2))).toBe(60)
    // On 29 March there is no such hour; on 25 October there are two.
    expect(minutes(local_midnight(2, 29, 1))).toBe(0)
    expect(minutes(local_midnight(9, 25, 2))).toBe(120)
  })
})

describe('a session of no database', () => {
  const { database: _, ...physical } = subjectOf({ class: 'BACKUP', command: 'BASE_BACKUP' })

  it('replicates them all: no database can be ruled out, and none excepts it', () => {
    expect(matches({ database: ['shop'] }, physical)).toBe(true)
    expect(matches({ database: ['!shop'] }, physical)).toBe(true)
    expect(matches({ except: [{ database: ['*'] }] }, physical)).toBe(true)
    expect(matches({ except: [{ database: ['!shop'] }] }, physical)).toBe(true)
    // Before its startup packet a connection is of nobody and of nothing.
    expect(matches({ database: ['*'] }, bareSubject())).toBe(false)
  })

  it('touches what is audited when it is backed up or streamed', () => {
    const set = compileRules({ rules: [], object_audit: { role: 'auditor' } }, 'UTC')
    expect(set.decide(physical)).toEqual({ record: true, rules: [], session: false })
    expect(set.decide(subjectOf({ command: 'START_REPLICATION' })).record).toBe(true)
    expect(set.decide(subjectOf({ command: 'TIMELINE_HISTORY' })).record).toBe(false)
    expect(compileRules({ rules: [] }, 'UTC').decide(physical).record).toBe(false)
  })
})

describe('outcome and sqlstate', () => {
  it('matches what is given', () => {
    expect(matches({ outcome: ['FAILURE'] }, subjectOf({ outcome: 'failure' }))).toBe(true)
    expect(matches({ outcome: ['!success'] }, subjectOf({ outcome: 'failure' }))).toBe(true)
    expect(matches({ outcome: ['!success'] }, subjectOf({ outcome: 'success' }))).toBe(false)
    expect(matches({ sqlstate: ['28*'] }, bareSubject({ sqlstate: '28P01' }))).toBe(true)
    expect(matches({ sqlstate: ['28*'] }, subjectOf({ sqlstate: '42P01' }))).toBe(false)
  })

  it('matches an outcome that nobody saw, and excludes nothing by it', () => {
    const unseen = subjectOf({ outcome: 'unknown' })
    expect(matches({ outcome: ['failure'] }, unseen)).toBe(true)
    expect(matches({ outcome: ['unknown'] }, unseen)).toBe(true)
    expect(matches({ outcome: ['!success'] }, unseen)).toBe(true)
    expect(matches({ outcome: ['!unknown'] }, unseen)).toBe(false)
    expect(matches({ sqlstate: ['28*'] }, unseen)).toBe(true)
    expect(matches({ class: ['ERROR'] }, unseen)).toBe(true)
    expect(matches({ except: [{ outcome: ['success'] }] }, unseen)).toBe(true)
    expect(matches({ except: [{ outcome: ['!failure'] }] }, unseen)).toBe(true)
    expect(matches({ except: [{ sqlstate: ['!28*'] }] }, unseen)).toBe(true)
    expect(matches({ except: [{ class: ['ERROR'] }] }, unseen)).toBe(true)
    expect(matches({ except: [{ outcome: ['unknown'] }] }, unseen)).toBe(false)
  })
})
