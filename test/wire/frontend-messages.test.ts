import fc from 'fast-check'
import { serialize } from 'pg-protocol/dist/serializer.js'
import { describe, expect, it } from 'vitest'
import {
  decodeBind,
  decodeExecute,
  decodeFunctionCall,
  decodeParse,
  decodeQuery,
  decodeTarget,
} from '../../src/wire/frontend-messages.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import { bind, execute, functionCall, int16, int32, message, parse } from '../support/messages.js'

/** Decodes the body of a message that lies between other bytes, as in a chunk. */
function inChunk<T>(bytes: Buffer, decode: (buffer: Buffer, start: number, end: number) => T): T {
  const chunk = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after\0after')])
  return decode(chunk, 6 + 5, 6 + bytes.length)
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !value.includes('\0'))

describe('messages of pg-protocol are decoded as they were meant', () => {
  it('Query', () => {
    fc.assert(
      fc.property(text, (sent) => {
        expect(inChunk(serialize.query(sent), decodeQuery).toString()).toBe(sent)
      }),
    )
  })

  it('Parse', () => {
    const types = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 5 })
    fc.assert(
      fc.property(text, text, types, (name, sent, oids) => {
        const decoded = inChunk(serialize.parse({ name, text: sent, types: oids }), decodeParse)
        expect(decoded.name.toString()).toBe(name)
        expect(decoded.text.toString()).toBe(sent)
        expect(decoded.parameter_types).toEqual(oids)
      }),
    )
  })

  it('Bind', () => {
    const value = fc.oneof(
      fc.constant(null),
      text,
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(text, text, fc.array(value, { maxLength: 6 }), (portal, statement, values) => {
        const decoded = inChunk(serialize.bind({ portal, statement, values }), decodeBind)
        expect(decoded.portal.toString()).toBe(portal)
        expect(decoded.statement.toString()).toBe(statement)
        expect(decoded.values).toEqual(
          values.map((item) => (typeof item === 'string' ? Buffer.from(item) : item)),
        )
        expect(decoded.formats).toEqual(
          values.map((item) => (item !== null && typeof item !== 'string' ? 1 : 0)),
        )
      }),
    )
  })

  it('Execute, Describe and Close', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (name, rows) => {
        const decoded = inChunk(serialize.execute({ portal: name, rows }), decodeExecute)
        expect({ portal: decoded.portal.toString(), rows: decoded.max_rows }).toEqual({
          portal: name,
          rows,
        })
        for (const type of ['S', 'P'] as const) {
          const target = type === 'S' ? 'statement' : 'portal'
          for (const bytes of [
            serialize.describe({ type, name }),
            serialize.close({ type, name }),
          ]) {
            const decoded_target = inChunk(bytes, (...at) => decodeTarget(...at, 'Describe'))
            expect(decoded_target.target).toBe(target)
            expect(decoded_target.name.toString()).toBe(name)
          }
        }
      }),
    )
  })
})

describe('messages written by hand', () => {
  it('carry OIDs above two billion, large counts and every length of value', () => {
    const many = Array.from({ length: 65_535 }, () => null)
    expect(inChunk(bind('', '', many), decodeBind).values.length).toBe(65_535)
    expect(inChunk(parse('', '', [-1]), decodeParse).parameter_types).toEqual([2 ** 32 - 1])
    expect(inChunk(functionCall(-1, ['a', null, '']), decodeFunctionCall)).toEqual({
      oid: 2 ** 32 - 1,
      formats: [],
      values: [Buffer.from('a'), null, Buffer.alloc(0)],
    })
    expect(inChunk(execute('p', -1), decodeExecute).max_rows).toBe(-1)
  })

  it.each([
    ['a Query without its NUL', message('Q', 'select 1'), decodeQuery],
    ['a Query with more after its NUL', message('Q', 'select 1\0drop\0'), decodeQuery],
    ['an empty Query body', message('Q'), decodeQuery],
    [
      'a Parse with fewer types than it says',
      message('P', '\0\0', int16(2), int32(1)),
      decodeParse,
    ],
    ['a Parse with more types than it says', message('P', '\0\0', int16(0), int32(1)), decodeParse],
    [
      'a Bind with a negative length',
      message('B', '\0\0', int16(0), int16(1), int32(-2)),
      decodeBind,
    ],
    [
      'a Bind with a huge length',
      message('B', '\0\0', int16(0), int16(1), int32(2 ** 31 - 1)),
      decodeBind,
    ],
    ['a Bind that promises many values', message('B', '\0\0', int16(0), int16(65_535)), decodeBind],
    ['an Execute without a row limit', message('E', '\0'), decodeExecute],
    ['a FunctionCall without an OID', message('F', '\0\0'), decodeFunctionCall],
    [
      'a Describe of nothing',
      message('D'),
      (...at: [Buffer, number, number]) => decodeTarget(...at, 'Describe'),
    ],
    [
      'a Close of X',
      message('C', 'Xname\0'),
      (...at: [Buffer, number, number]) => decodeTarget(...at, 'Close'),
    ],
  ] as const)('%s is a violation', (_name, bytes, decode) => {
    expect(() => inChunk<unknown>(bytes, decode)).toThrow(ProtocolViolation)
  })

  it('are total: any bytes give a message or a violation', () => {
    const decoders = [
      decodeQuery,
      decodeParse,
      decodeBind,
      decodeExecute,
      decodeFunctionCall,
      (...at: [Buffer, number, number]) => decodeTarget(...at, 'Close'),
    ]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(20), fc.nat(20), (bytes, skip, cut) => {
        const buffer = Buffer.from(bytes)
        const start = Math.min(skip, buffer.length)
        const end = Math.max(start, buffer.length - cut)
        for (const decode of decoders) {
          try {
            decode(buffer, start, end)
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolViolation)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })
})
