import { describe, expect, it } from 'vitest'
import { FactCache } from '../../src/sql/fact-cache.js'
import type { TextFacts } from '../../src/sql/facts.js'
import { SharedFacts } from '../../src/sql/shared-facts.js'

function factsOf(weight: number): TextFacts {
  return { status: 'parsed', statements: [], weight }
}

describe('FactCache', () => {
  it('answers with the same settled ticket each time', () => {
    const cache = new FactCache({ entries: 10, weight: 1_000_000 })
    const facts = factsOf(100)
    cache.set('select 1', facts)
    const ticket = cache.get('select 1')
    expect(ticket?.facts).toBe(facts)
    expect(cache.get('select 1')).toBe(ticket)
    let calls = 0
    ticket?.when_ready(() => calls++)
    expect(calls).toBe(1)
    expect(cache.get('select 2')).toBeUndefined()
  })

  it('is bounded in entries', () => {
    const cache = new FactCache({ entries: 4, weight: 1_000_000 })
    for (let index = 0; index < 10; index++) cache.set(`select ${index}`, factsOf(10))
    expect(cache.entries).toBe(3)
    expect(cache.get('select 6')).toBeUndefined()
    expect(cache.get('select 9')).toBeDefined()
  })

  it('is bounded in bytes, its own included', () => {
    const cache = new FactCache({ entries: 10_000, weight: 100_000 })
    for (let index = 0; index < 100; index++) {
      cache.set(`select ${index}`, factsOf(2_000))
    }
    expect(cache.weight).toBeLessThanOrEqual(100_000)
    expect(cache.entries).toBe(33)
  })

  it('keeps shapes and texts within one bound', () => {
    const cache = new FactCache({ entries: 10_000, weight: 100_000 })
    for (let index = 0; index < 100; index++) {
      cache.set(`select ${index}`, factsOf(2_000))
      cache.setShape(`select a${index}`, new SharedFacts(factsOf(2_000), new Int32Array(1), 1))
    }
    expect(cache.weight).toBeLessThanOrEqual(100_000)
    expect([cache.entries, cache.shapes]).toEqual([33, 11])
    expect(cache.shape('select a99')).toBeInstanceOf(SharedFacts)
    expect(cache.shape('select a9')).toBeUndefined()
  })

  it('does not let one large text push out many small ones', () => {
    const cache = new FactCache({ entries: 100, weight: 100_000 })
    cache.set('select 1', factsOf(100))
    cache.set('large facts', factsOf(50_000))
    expect([cache.entries, cache.get('select 1')?.facts?.weight]).toEqual([1, 100])
  })
})
