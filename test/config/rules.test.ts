import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.js'
import { loadConfig } from '../../src/config/load.js'
import { rule_classes, rule_outcomes } from '../../src/config/rule-values.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import type { AuditClass, Outcome } from '../../src/rules/decision.js'

function rulesOf(rules: unknown) {
  return loadConfig({ settings: { rules } }).rules
}

function issuesOf(rules: unknown) {
  try {
    rulesOf(rules)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
  throw new Error('the rules were accepted')
}

test('one item alone stands for a list of one, one exception for a list of one', () => {
  expect(
    rulesOf([{ name: 'a', class: 'READ', client: '10.0.0.0/8', except: { user: 'etl' } }]),
  ).toEqual([{ name: 'a', class: ['READ'], client: ['10.0.0.0/8'], except: [{ user: ['etl'] }] }])
  expect(rulesOf([{ name: 'a', except: [{ user: ['x'] }, { command: 'SELECT' }] }])).toEqual([
    { name: 'a', except: [{ user: ['x'] }, { command: ['SELECT'] }] },
  ])
})

const good: [string, unknown, unknown][] = [
  ['class', ['read', '!Ddl', 'W*'], ['READ', '!DDL', 'W*']],
  ['command', ['CREATE *', 'connection authorized'], ['CREATE *', 'connection authorized']],
  [
    'client',
    ['10.0.0.0/8', '::1', '!192.0.2.7', '[local]'],
    ['10.0.0.0/8', '::1', '!192.0.2.7', '[local]'],
  ],
  ['object', ['finance.*', '!finance.scratch_*'], ['finance.*', '!finance.scratch_*']],
  ['object_type', ['table', 'foreign table'], ['TABLE', 'FOREIGN TABLE']],
  ['time', ['22:00-06:00', '00:00-24:00'], ['22:00-06:00', '00:00-24:00']],
  ['outcome', ['Failure', '!success'], ['failure', '!success']],
  ['sqlstate', ['42p01', '28*', '!00000', '22???'], ['42P01', '28*', '!00000', '22???']],
]

describe('good keys', () => {
  test.each(good)('%s: %j', (key, value, expected) => {
    const rules = rulesOf([{ name: 'a', [key]: value }])
    expect(rules).toEqual([{ name: 'a', [key]: expected }])
    // The room that applies the rules takes whatever passes here.
    compileRules({ rules: rules ?? [] }, 'UTC')
  })
})

const bad: [string, unknown, RegExp, RegExp][] = [
  ['class', 'REED', /is not known/, /Did you mean READ\? Choose from: READ, WRITE/],
  ['class', 'Q*', /is not known/, /READ, WRITE/],
  ['class', 'AUDIT', /not for rules to decide/, /always written/],
  ['class', 'ALL', /is not a class/, /without the key/],
  ['class', [], /empty list/, /Leave the key out/],
  ['class', 5, /is a number/, /READ, WRITE/],
  ['class', '!', /negates nothing/, /READ, WRITE/],
  ['outcome', 'failed', /is not known/, /Did you mean failure\?|success, failure/],
  ['sqlstate', '4201', /is not an SQLSTATE/, /"42P01"/],
  ['sqlstate', '42P01X', /is not an SQLSTATE/, /"42P01"/],
  ['sqlstate', 42501, /is a number/, /quotes/],
  ['time', '22-06', /is not a time window/, /22:00-06:00/],
  ['time', '25:00-26:00', /is not a time window/, /22:00-06:00/],
  ['time', '10:00-10:00', /without length/, /whole day/],
  ['client', 'localhost', /is not an address/, /\[local\]/],
  ['client', '10.*', /is not an address/, /10\.0\.0\.0\/8/],
  ['client', '0x7f.1', /is not an address/, /10\.0\.0\.0\/8/],
  ['object_type', 'TABLE;', /is not an object type/, /FOREIGN TABLE/],
  ['user', '', /is empty/, /leave the key out/],
  ['user', 7, /is a number/, /quotes/],
  ['object', ['a.b', null], /is not text/, /quotes/],
]

describe('bad keys', () => {
  test.each(bad)('%s: %j', (key, value, reason, hint) => {
    for (const rule of [
      { name: 'a', [key]: value },
      { name: 'a', except: { [key]: value } },
    ]) {
      const [issue, ...others] = issuesOf([rule])
      expect(others).toEqual([])
      const place = 'except' in rule ? `rules[0].except.${key}` : `rules[0].${key}`
      expect(issue?.path.startsWith(place)).toBe(true)
      expect(issue?.reason).toMatch(reason)
      expect(issue?.hint).toMatch(hint)
    }
  })

  test('every bad item of a list is told by its index', () => {
    const paths = issuesOf([{ name: 'a', class: ['READ', 'X', 'WRITE', 'Y'] }]).map((i) => i.path)
    expect(paths).toEqual(['rules[0].class[1]', 'rules[0].class[3]'])
  })

  test.each<[string, unknown, string, RegExp]>([
    ['no name', [{ class: 'READ' }], 'rules[0].name', /is missing/],
    ['a bad name', [{ name: ' a' }], 'rules[0].name', /is not a name/],
    ['a name with a comma', [{ name: 'a,b' }], 'rules[0].name', /is not a name/],
    [
      'a name twice',
      [{ name: 'a' }, { name: 'b' }, { name: 'a' }],
      'rules[2].name',
      /rules\[0\] too/,
    ],
    ['an exception of everything', [{ name: 'a', except: {} }], 'rules[0].except', /no keys/],
    ['such an exception in a list', [{ name: 'a', except: [{}] }], 'rules[0].except[0]', /no keys/],
    ['an unknown key', [{ name: 'a', clas: 'READ' }], 'rules[0].clas', /no such key/],
    [
      'one below except',
      [{ name: 'a', except: [{ usr: 'x' }] }],
      'rules[0].except[0].usr',
      /no such key/,
    ],
    ['a rule that is none', ['READ'], 'rules[0]', /not a block of keys/],
  ])('%s', (_name, rules, path, reason) => {
    const issue = issuesOf(rules).find((one) => one.path === path)
    expect(issue?.reason).toMatch(reason)
    expect(issue?.hint).not.toBe('')
  })
})

test('the lists of classes and outcomes are those of the rules', () => {
  const classes: readonly Exclude<AuditClass, 'AUDIT'>[] = rule_classes
  const outcomes: readonly Outcome[] = rule_outcomes
  const covers_classes: Exclude<AuditClass, 'AUDIT'> extends (typeof rule_classes)[number]
    ? true
    : false = true
  const covers_outcomes: Outcome extends (typeof rule_outcomes)[number] ? true : false = true
  expect(covers_classes && covers_outcomes).toBe(true)
  expect(new Set(classes).size + new Set(outcomes).size).toBe(17)
})
