import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clipText } from '../../src/record/clip-text.js'

describe('clipText', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['aéb', 2, 'a'],
    ['aéb', 3, 'aé'],
    ['😀😀', 7, '😀'],
    ['😀', 3, ''],
    ['a', 0, ''],
    ['', 0, ''],
  ])('%s to %d bytes is %s', (text, max_bytes, expected) => {
    expect(clipText(text, max_bytes).text).toBe(expected)
  })

  it('cuts between characters, as late as it can, and says what the whole was', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀'), maxLength: 40 })
    fc.assert(
      fc.property(text, fc.nat({ max: 60 }), (whole, max_bytes) => {
        const clipped = clipText(whole, max_bytes)
        const length = Buffer.byteLength(whole)
        if (length <= max_bytes) {
          expect(clipped).toEqual({ text: whole })
          return
        }
        expect(whole.startsWith(clipped.text)).toBe(true)
        const [next = ''] = Array.from(whole.slice(clipped.text.length))
        expect(Buffer.byteLength(clipped.text)).toBeLessThanOrEqual(max_bytes)
        expect(Buffer.byteLength(clipped.text + next)).toBeGreaterThan(max_bytes)
        expect(clipped.length).toBe(length)
        expect(clipped.sha256).toBe(createHash('sha256').update(whole).digest('hex'))
      }),
    )
  })
})
