import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { compileGlob, remember } from '../../src/rules/glob.js'

/** The definition of a glob, written down as it is said: slow and plain. */
function naiveMatch(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return text.length === 0
  if (head === '*') {
    return naiveMatch(rest, text) || (text.length > 0 && naiveMatch(pattern, text.slice(1)))
  }
  if (text.length === 0) return false
  return (head === '?' || head === text[0]) && naiveMatch(rest, text.slice(1))
}

const letters = fc.constantFrom('a', 'b', 'A', '.', '(', '\\', '^', 'ü', '😀')
const text = fc.string({ unit: letters, maxLength: 10 })
const pattern = fc.string({ unit: fc.oneof(letters, fc.constantFrom('*', '?')), maxLength: 8 })

describe('compileGlob', () => {
  it('agrees with the plain definition', () => {
    fc.assert(
      fc.property(pattern, text, (glob, subject) => {
        expect(compileGlob(glob)(subject)).toBe(naiveMatch(Array.from(glob), Array.from(subject)))
      }),
      { numRuns: 5_000 },
    )
  })

  it('matches any text by its own pieces', () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(compileGlob(`${a}*${c}`)(a + b + c)).toBe(true)
        expect(compileGlob(`*${b}*`)(a + b + c)).toBe(true)
      }),
    )
  })

  it.each([
    ['app', 'app', true],
    ['app', 'App', false],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['?', '', false],
    ['?', '😀', true],
    ['28*', '28P01', true],
    ['*_ro', 'x_ro', true],
    ['a*a', 'a', false],
    ['[local]', '[local]', true],
    ['a.b', 'axb', false],
  ])('%s on %s', (glob, subject, expected) => {
    expect(compileGlob(glob)(subject)).toBe(expected)
  })

  it('takes steps in proportion to pattern times text, not more', () => {
    // A backtracking regular expression for this pattern would need longer than the universe.
    const glob = compileGlob(`${'*a'.repeat(100)}*b`)
    expect(glob('a'.repeat(2_000))).toBe(false)
  })
})

describe('remember', () => {
  it('asks once for the same text and forgets all when it is full', () => {
    const asked: string[] = []
    const test = remember((subject) => {
      asked.push(subject)
      return subject === 'yes'
    })
    expect([test('yes'), test('yes'), test('no'), test('no')]).toEqual([true, true, false, false])
    expect(asked).toEqual(['yes', 'no'])
    for (let index = 0; index < limits.rule_memory_entries; index++) test(`${index}`)
    expect(test('yes')).toBe(true)
    expect(asked.filter((subject) => subject === 'yes')).toHaveLength(2)
  })
})
