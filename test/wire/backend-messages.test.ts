import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeAuthentication,
  decodeBackendKeyData,
  decodeCommandComplete,
  decodeErrorResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeReadyForQuery,
} from '../../src/wire/backend-messages.js'
import { letterOf } from '../../src/wire/message-types.js'
import { authenticationSasl, errorResponse, protocol2Error } from '../../src/wire/originate.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import {
  complete,
  failure,
  int16,
  int32,
  message,
  parameterDescription,
  ready,
  setting,
} from '../support/messages.js'

function inChunk<T>(bytes: Buffer, decode: (buffer: Buffer, start: number, end: number) => T): T {
  const chunk = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after\0after')])
  return decode(chunk, 6 + 5, 6 + bytes.length)
}

const authentication = (code: number, ...rest: readonly (string | Buffer)[]) =>
  inChunk(message('R', int32(code), ...rest), decodeAuthentication)

describe('backend messages', () => {
  it('Authentication', () => {
    expect(authentication(0)).toEqual({ kind: 'ok' })
    expect(authentication(3)).toEqual({ kind: 'request', method: 'password', mechanisms: [] })
    expect(authentication(5, 'salt')).toMatchObject({ method: 'md5' })
    expect(authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0')).toEqual({
      kind: 'request',
      method: 'scram-sha-256',
      mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'],
    })
    for (const code of [8, 11, 12])
      expect(authentication(code, 'token')).toEqual({ kind: 'continue' })
    expect(authentication(99)).toMatchObject({ method: 'code 99' })
    expect(() => authentication(10, 'SCRAM-SHA-256\0')).toThrow(ProtocolViolation)
  })

  it('Authentication that we send is what we would read', () => {
    const mechanisms = ['SCRAM-SHA-256', 'X']
    expect(inChunk(authenticationSasl(mechanisms), decodeAuthentication)).toEqual({
      kind: 'request',
      method: 'scram-sha-256',
      mechanisms,
    })
  })

  it.each([4, 32, 256])('BackendKeyData with a key of %d bytes', (length) => {
    const key = Buffer.alloc(length, 7)
    const bytes = message('K', int32(4711), key)
    expect(inChunk(bytes, decodeBackendKeyData)).toEqual({ pid: 4711, key })
  })

  it('ParameterStatus, ReadyForQuery and CommandComplete', () => {
    expect(inChunk(setting('TimeZone', 'Europe/Berlin'), decodeParameterStatus)).toEqual({
      name: 'TimeZone',
      value: 'Europe/Berlin',
    })
    for (const status of ['I', 'T', 'E'] as const) {
      expect(inChunk(ready(status), decodeReadyForQuery)).toBe(status)
    }
    expect(() => inChunk(message('Z', 'X'), decodeReadyForQuery)).toThrow(ProtocolViolation)
    expect(() => inChunk(message('Z'), decodeReadyForQuery)).toThrow(ProtocolViolation)
    expect(inChunk(complete('INSERT 0 1'), decodeCommandComplete)).toBe('INSERT 0 1')
    expect(() => inChunk(message('C', 'INSERT'), decodeCommandComplete)).toThrow(ProtocolViolation)
    expect(() => inChunk(message('C'), decodeCommandComplete)).toThrow(ProtocolViolation)
  })

  it('ErrorResponse, whole, localised, without a severity, without a code, without an end', () => {
    expect(inChunk(failure('22012', 'division by zero'), decodeErrorResponse)).toEqual({
      severity: 'ERROR',
      sqlstate: '22012',
      message: 'division by zero',
    })
    expect(
      inChunk(message('E', 'SFEHLER\0VERROR\0C22012\0Mgeteilt\0Dmehr\0\0'), decodeErrorResponse),
    ).toEqual({ severity: 'ERROR', sqlstate: '22012', message: 'geteilt' })
    expect(inChunk(message('E', 'SFATAL\0Mno code\0\0'), decodeErrorResponse)).toEqual({
      severity: 'FATAL',
      sqlstate: 'XX000',
      message: 'no code',
    })
    expect(inChunk(message('E', 'C57P01\0Mshort\0'), decodeErrorResponse).sqlstate).toBe('57P01')
    expect(inChunk(message('E'), decodeErrorResponse).message).toBe('')
    expect(() => inChunk(message('E', 'Munterminated'), decodeErrorResponse)).toThrow(
      ProtocolViolation,
    )
  })

  it('ErrorResponse that we send is what we would read', () => {
    const bytes = errorResponse('FATAL', '08P01', 'not the protocol — é', 'Speak it.')
    expect(bytes.readInt32BE(1)).toBe(bytes.length - 1)
    expect(inChunk(bytes, decodeErrorResponse)).toEqual({
      severity: 'FATAL',
      sqlstate: '08P01',
      message: 'not the protocol — é',
    })
    expect(protocol2Error('too old').toString()).toBe('EFATAL:  too old\n\0')
  })

  it('ParameterDescription', () => {
    expect(inChunk(parameterDescription(23, -1), decodeParameterDescription)).toEqual([
      23,
      2 ** 32 - 1,
    ])
    expect(() => inChunk(message('t', int16(2), int32(1)), decodeParameterDescription)).toThrow(
      ProtocolViolation,
    )
  })

  it('are total: any bytes give a message or a violation', () => {
    const decoders = [
      decodeAuthentication,
      decodeBackendKeyData,
      decodeCommandComplete,
      decodeErrorResponse,
      decodeParameterDescription,
      decodeParameterStatus,
      decodeReadyForQuery,
    ]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(20), (bytes, cut) => {
        const buffer = Buffer.from(bytes)
        for (const decode of decoders) {
          try {
            decode(buffer, 0, Math.max(0, buffer.length - cut))
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolViolation)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('types are named for people', () => {
    expect([letterOf(0x51), letterOf(0x20), letterOf(0x7f), letterOf(0)]).toEqual([
      "'Q'",
      '0x20',
      '0x7f',
      '0x0',
    ])
  })
})
