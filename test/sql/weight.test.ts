import { loadModule } from 'libpg-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { FactCache } from '../../src/sql/fact-cache.js'
import { parseText } from '../../src/sql/parse-text.js'
import { stringWeight, valueWeight } from '../../src/sql/weight.js'
import { liveHeapBytes } from '../support/live-heap.js'

beforeAll(loadModule)

describe('the weight of facts', () => {
  it('counts a byte for a character, or two beyond Latin-1', () => {
    expect(stringWeight('')).toBe(16)
    expect(stringWeight('a'.repeat(80))).toBe(96)
    expect(stringWeight('é'.repeat(80))).toBe(96)
    expect(stringWeight('ж'.repeat(80))).toBe(176)
  })

  it('counts nested values without recursion', () => {
    let value: unknown = 'a'
    for (let depth = 0; depth < 100_000; depth++) value = [value]
    expect(valueWeight(value)).toBe(100_000 * 56 + 24)
  })

  const texts: readonly (readonly [string, (number: number) => string])[] = [
    ['a query', (n) => `SELECT a${n}, b FROM s.t${n} AS t JOIN u USING (id) WHERE t.x = u.y`],
    [
      'many columns',
      (n) =>
        `SELECT ${Array.from({ length: 40 }, (_, at) => `t.c${at}`).join(', ')} FROM t${n} AS t`,
    ],
    ['many rows', (n) => `INSERT INTO t${n} VALUES ${'(1, 2, 3), '.repeat(300)}(1, 2, 3)`],
    ['letters beyond Latin-1', (n) => `SELECT '${'ж'.repeat(60)}' AS a${n} FROM t`],
    ['a definition', (n) => `CREATE TABLE s.t${n} (id int PRIMARY KEY, b text REFERENCES q (id))`],
    ['several statements', (n) => `BEGIN; UPDATE t${n} SET a = b; DELETE FROM v; COMMIT`],
    ['a syntax error', (n) => `SELEC a${n} FROM t`],
  ]

  it.each(texts)('is near what the cache takes of the heap: %s', (_name, textOf) => {
    const count = 2_000
    const cache = new FactCache({ entries: 1_000_000, weight: 1_000_000_000 })
    const before = liveHeapBytes()
    for (let number = 0; number < count; number++) {
      // As they come: the text from a socket, the facts from another thread.
      const text = Buffer.from(textOf(number)).toString()
      cache.set(text, structuredClone(parseText(text)))
    }
    const taken = (liveHeapBytes() - before) / count
    expect(cache.entries).toBe(count)
    expect(cache.weight / count / taken).toBeGreaterThan(0.75)
    expect(cache.weight / count / taken).toBeLessThan(1.5)
  })
})
