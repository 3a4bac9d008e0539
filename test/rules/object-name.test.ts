import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WitnessError } from '../../src/errors.js'
import { compileObjectPattern, nameCandidates } from '../../src/rules/object-name.js'

function fits(pattern: string, name: string): boolean {
  const compiled = compileObjectPattern(pattern)
  return nameCandidates(name).some((parts) => compiled.whole(parts))
}

function quoted(part: string): string {
  return `"${part.replaceAll('"', '""')}"`
}

describe('nameCandidates', () => {
  it.each<[string, string[][]]>([
    ['account', [['account']]],
    ['finance.account', [['finance', 'account']]],
    ['"Odd.name".x', [['Odd.name', 'x']]],
    ['s."a""b"', [['s', 'a"b']]],
    ['pg_catalog.*', [['pg_catalog', '*']]],
    [
      'public.f(pg_catalog.int4, "T.x")',
      [
        ['public', 'f(pg_catalog.int4, "T.x")'],
        ['public', 'f'],
      ],
    ],
    ['"f(x)".y', [['f(x)', 'y']]],
    [
      'audit_trg on finance.account',
      [
        ['audit_trg on finance', 'account'],
        ['finance', 'account'],
      ],
    ],
    ['"a on b".c', [['a on b', 'c']]],
    ['', [['']]],
    ['"open', [['open']]],
  ])('%s', (name, candidates) => {
    expect(nameCandidates(name)).toEqual(candidates)
  })

  it('gives back what was quoted, whatever it is', () => {
    const part = fc.string({ unit: 'binary', minLength: 1 })
    fc.assert(
      fc.property(part, part, (schema, name) => {
        expect(nameCandidates(`${quoted(schema)}.${quoted(name)}`)).toEqual([[schema, name]])
      }),
    )
  })
})

describe('compileObjectPattern', () => {
  it.each([
    ['finance.*', 'finance.account', true],
    ['finance.*', 'finance2.account', false],
    ['finance*', 'finance.account', false],
    ['finance*', 'finance_admin', true],
    ['*.account', 'finance.account', true],
    ['*.*', 'finance.account', true],
    ['*.*', 'auditor', false],
    ['*', 'finance.account', true],
    ['*', 'auditor', true],
    ['account', 'finance.account', false],
    ['finance.acc?unt', 'finance.account', true],
    ['finance?account', 'finance.account', false],
    ['Finance.*', 'finance.account', false],
    ['Finance.*', '"Finance".account', true],
    ['*.x', '"odd.name".x', true],
    ['odd.name.x', '"odd.name".x', false],
    ['"odd.name".*', '"odd.name".x', true],
    ['"a*".x', '"a*".x', true],
    ['"a*".x', 'abc.x', false],
    ['public.f', 'public.f(integer, text)', true],
    ['public.f(integer, text)', 'public.f(integer, text)', true],
    ['public.f(integer*', 'public.f(integer, text)', true],
    ['public.f(text)', 'public.f(integer, text)', false],
    ['finance.*', 'audit_trg on finance.account', true],
    ['db.finance.account', 'finance.account', false],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(fits(pattern, name)).toBe(expected)
  })

  it('finds any name by its quoted self', () => {
    const part = fc.string({ unit: 'binary', minLength: 1 })
    fc.assert(
      fc.property(part, part, (schema, name) => {
        const text = `${quoted(schema)}.${quoted(name)}`
        expect(fits(text, text)).toBe(true)
        expect(fits(`*.${quoted(name)}`, text)).toBe(true)
        expect(fits(`${quoted(schema)}.*`, text)).toBe(true)
      }),
    )
  })

  it('refuses a quote that does not end', () => {
    expect(() => compileObjectPattern('finance."x')).toThrow(WitnessError)
  })
})
