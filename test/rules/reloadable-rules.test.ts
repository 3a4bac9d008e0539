import { expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { ReloadableRules } from '../../src/rules/reloadable-rules.js'

function rulesNamed(name: string) {
  return compileRules({ rules: [{ name }] }, 'UTC')
}

function judgedBy(rules: ReloadableRules, time_us: number): string | undefined {
  const subject = {
    class: 'READ',
    command: 'SELECT',
    time_us,
    failed: false,
    opaque: false,
  } as const
  return rules.decide(subject).rules[0]
}

it('judges by the rules of the time when a statement came', () => {
  const rules = new ReloadableRules(rulesNamed('first'))
  rules.replace(rulesNamed('second'), 100)
  rules.replace(rulesNamed('third'), 200)
  expect([0, 99, 100, 199, 200, 999].map((time_us) => judgedBy(rules, time_us))).toEqual([
    ...['first', 'first', 'second', 'second', 'third', 'third'],
  ])
})

it('does not go back to old rules when the clock is set back', () => {
  const rules = new ReloadableRules(rulesNamed('first'))
  rules.replace(rulesNamed('second'), 1_000)
  rules.correct(2_000)
  expect(judgedBy(rules, 999)).toBe('first')
  rules.correct(500)
  expect([499, 500].map((time_us) => judgedBy(rules, time_us))).toEqual(['first', 'second'])
})

it('forgets rules of very long ago', () => {
  const rules = new ReloadableRules(rulesNamed('0'))
  for (let n = 1; n <= 2 * limits.rule_periods; n++) rules.replace(rulesNamed(`${n}`), n)
  expect(judgedBy(rules, 0)).toBe(`${limits.rule_periods + 1}`)
})
