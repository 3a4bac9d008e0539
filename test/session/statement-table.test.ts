import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { cutName, NameTable } from '../../src/session/statement-table.js'

describe('names as the server compares them', () => {
  it('are equal when their first 63 bytes are (property)', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '€', '𝄞'), maxLength: 90 })
    fc.assert(
      fc.property(name, name, fc.nat(80), (one, other, shared) => {
        const second = one.slice(0, shared) + other
        const same = Buffer.from(one).subarray(0, 63).equals(Buffer.from(second).subarray(0, 63))
        expect(cutName(one) === cutName(second)).toBe(same)
      }),
    )
  })
})

describe('the name table', () => {
  it('finds an entry by any name that the server takes for the same', () => {
    const table = new NameTable<number>()
    const long = 'n'.repeat(63)
    table.set(`${long}one`, 1)
    expect(table.get(`${long}other`)).toBe(1)
    expect(table.get(long)).toBe(1)
    expect(table.get(long.slice(1))).toBeUndefined()
    expect(table.delete(`${long}third`)).toBe(1)
    expect([table.size, table.delete(long)]).toEqual([0, undefined])
  })

  it('forgets the oldest entry beyond its bound, and says which', () => {
    const table = new NameTable<number>()
    for (let index = 0; index < limits.statements_per_session; index++) {
      expect(table.set(`s${index}`, index)).toBeUndefined()
    }
    // One that is there already takes no more room.
    expect(table.set('s5', -5)).toBeUndefined()
    expect(table.set('one more', -1)).toBe(0)
    expect(table.set('two more', -2)).toBe(1)
    expect(table.size).toBe(limits.statements_per_session)
    expect([table.get('s0'), table.get('s5'), table.get('two more')]).toEqual([undefined, -5, -2])
    expect([...table.values()].length).toBe(limits.statements_per_session)
  })
})
