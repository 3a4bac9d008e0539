import { describe, expect, it } from 'vitest'
import { Cursor } from '../../src/wire/cursor.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'

const buffer = Buffer.from([1, 0x80, 0, 0, 0, 2, 0x61, 0, 0x62, 0])
const over = (start: number, end: number) => new Cursor().reset(buffer, start, end)

describe('the cursor', () => {
  it('reads numbers of each kind', () => {
    const cursor = over(0, 10)
    expect(cursor.byte('x')).toBe(1)
    expect(cursor.int16('x')).toBe(-32768)
    expect(cursor.uint16('x')).toBe(0)
    cursor.reset(buffer, 1, 10)
    expect(cursor.uint16('x')).toBe(32768)
    cursor.reset(buffer, 1, 10)
    expect(cursor.int32('x')).toBe(-(2 ** 31))
    cursor.reset(buffer, 1, 10)
    expect(cursor.uint32('x')).toBe(2 ** 31)
  })

  it('reads strings and bytes, and knows what remains', () => {
    const cursor = over(6, 10)
    expect(cursor.cstring('x')).toBe('a')
    expect(cursor.remaining).toBe(2)
    expect(cursor.cstringBytes('x').toString()).toBe('b')
    cursor.finish('x')
    expect(over(6, 9).bytes(3, 'x')).toEqual(Buffer.from([0x61, 0, 0x62]))
  })

  it.each([
    ['a byte', (cursor: Cursor) => cursor.byte('x'), 0],
    ['two bytes', (cursor: Cursor) => cursor.int16('x'), 1],
    ['two bytes', (cursor: Cursor) => cursor.uint16('x'), 1],
    ['four bytes', (cursor: Cursor) => cursor.int32('x'), 3],
    ['four bytes', (cursor: Cursor) => cursor.uint32('x'), 3],
    ['more bytes', (cursor: Cursor) => cursor.bytes(4, 'x'), 3],
    ['a negative number of bytes', (cursor: Cursor) => cursor.bytes(-1, 'x'), 3],
    // The NUL that follows belongs to the next message.
    ['a string', (cursor: Cursor) => cursor.cstring('x'), 1],
    ['the bytes of a string', (cursor: Cursor) => cursor.cstringBytes('x'), 1],
    ['the end', (cursor: Cursor) => cursor.finish('x'), 1],
  ])('never reads %s beyond the end of its body', (_name, read, length) => {
    expect(() => read(over(6, 6 + length))).toThrow(ProtocolViolation)
  })
})
