import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/lib/assert.js'
import { Lru } from '../../src/lib/lru.js'

const byValue = (value: number): number => value

describe('Lru', () => {
  it('forgets the least recently used entry when there are too many', () => {
    const lru = new Lru<string, number>({ entries: 2, weight: 100 }, byValue)
    lru.set('a', 1)
    lru.set('b', 1)
    expect(lru.get('a')).toBe(1)
    lru.set('c', 1)
    expect([lru.has('a'), lru.has('b'), lru.has('c')]).toEqual([true, false, true])
  })

  it('forgets as many entries as the weight of a new one takes', () => {
    const lru = new Lru<string, number>({ entries: 10, weight: 10 }, byValue)
    for (const key of ['a', 'b', 'c', 'd']) lru.set(key, 2)
    lru.set('heavy', 7)
    expect([lru.has('c'), lru.has('d'), lru.has('heavy')]).toEqual([false, true, true])
    expect(lru.weight).toBe(9)
  })

  it('does not keep what is heavier than the whole, and leaves the others alone', () => {
    const lru = new Lru<string, number>({ entries: 10, weight: 10 }, byValue)
    lru.set('a', 2)
    expect(lru.set('huge', 11)).toBe(false)
    expect([lru.get('a'), lru.get('huge'), lru.weight]).toEqual([2, undefined, 2])
  })

  it('replaces a value and its weight', () => {
    const lru = new Lru<string, number>({ entries: 10, weight: 10 }, byValue)
    lru.set('a', 8)
    lru.set('a', 3)
    expect([lru.get('a'), lru.size, lru.weight]).toEqual([3, 1, 3])
    // The old value is gone too when the new one cannot be kept: it would be out of date.
    lru.set('a', 99)
    expect([lru.get('a'), lru.size, lru.weight]).toEqual([undefined, 0, 0])
  })

  it('keeps nothing when it may hold no entry', () => {
    const lru = new Lru<string, number>({ entries: 0, weight: 10 }, byValue)
    expect(lru.set('a', 1)).toBe(false)
    expect(lru.size).toBe(0)
  })

  it('refuses a negative weight, which would let it grow without bound', () => {
    const lru = new Lru<string, number>({ entries: 2, weight: 10 }, byValue)
    expect(() => lru.set('a', -1)).toThrow(InvariantError)
  })

  it('does what a plain list in order of use would do', () => {
    const key = fc.integer({ min: 0, max: 7 })
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, value: fc.integer({ min: 0, max: 12 }) }),
      fc.record({ do: fc.constant('get' as const), key }),
      fc.record({ do: fc.constant('delete' as const), key }),
      fc.record({ do: fc.constant('clear' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const lru = new Lru<number, number>({ entries: 4, weight: 20 }, byValue)
        let model: [number, number][] = []
        for (const item of steps) {
          if (item.do === 'clear') {
            lru.clear()
            model = []
            continue
          }
          const known = model.find(([name]) => name === item.key)
          if (item.do === 'get') expect(lru.get(item.key)).toBe(known?.[1])
          if (item.do === 'delete') expect(lru.delete(item.key)).toBe(known !== undefined)
          const rest = model.filter(([name]) => name !== item.key)
          if (item.do === 'get') model = known === undefined ? rest : [known, ...rest]
          if (item.do === 'delete') model = rest
          if (item.do === 'set') {
            lru.set(item.key, item.value)
            model = item.value > 20 ? rest : [[item.key, item.value], ...rest]
            const sum = () => model.reduce((total, [, value]) => total + value, 0)
            while (model.length > 4 || sum() > 20) model.pop()
          }
          expect(lru.size).toBe(model.length)
          expect(lru.weight).toBe(model.reduce((total, [, value]) => total + value, 0))
        }
        for (const [name, value] of [...model].reverse()) expect(lru.get(name)).toBe(value)
      }),
    )
  })
})
