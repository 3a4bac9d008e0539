import fc from 'fast-check'
import { serialize } from 'pg-protocol/dist/serializer.js'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { ssl_request } from '../../src/wire/originate.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import { replicationMode } from '../../src/wire/replication-mode.js'
import {
  decodeStartupPacket,
  request_codes,
  startupPacketLength,
} from '../../src/wire/startup-packet.js'
import { int32 } from '../support/messages.js'

function packet(code: number, body: string | Buffer = ''): Buffer {
  const rest = Buffer.from(body as Buffer)
  return Buffer.concat([int32(rest.length + 8), int32(code), rest])
}

const protocol_3 = 3 << 16

describe('the length of a startup packet', () => {
  it('is not known before four bytes are there', () => {
    expect(startupPacketLength(Buffer.alloc(3))).toBeUndefined()
    expect(startupPacketLength(int32(8))).toBe(8)
  })

  it('is bounded as the server bounds it: without the length field itself', () => {
    const most = limits.startup_packet_bytes + 4
    expect(startupPacketLength(int32(most))).toBe(most)
    for (const length of [most + 1, 2 ** 31 - 1, -1, -(2 ** 31), 0, 4, 7]) {
      expect(() => startupPacketLength(int32(length)), String(length)).toThrow(ProtocolViolation)
    }
    // The first bytes of an HTTP request.
    expect(() => startupPacketLength(Buffer.from('GET / HTTP/1.1'))).toThrow(ProtocolViolation)
  })
})

describe('a startup packet', () => {
  it('of pg-protocol gives its parameters', () => {
    const bytes = serialize.startup({ user: 'alice', database: 'shop', options: '-c a=b' })
    expect(startupPacketLength(bytes)).toBe(bytes.length)
    const decoded = decodeStartupPacket(bytes)
    expect(decoded).toMatchObject({ kind: 'startup', major: 3, minor: 0 })
    expect(decoded.kind === 'startup' && Object.fromEntries(decoded.parameters)).toMatchObject({
      user: 'alice',
      database: 'shop',
      options: '-c a=b',
    })
  })

  it('may be of protocol 3.2, 2.0 or any other', () => {
    expect(decodeStartupPacket(packet(protocol_3 + 2, 'user\0a\0\0'))).toMatchObject({
      major: 3,
      minor: 2,
    })
    // Protocol 2 has fixed fields, which are not read.
    expect(decodeStartupPacket(packet(2 << 16, Buffer.alloc(288, 0x61)))).toEqual({
      kind: 'startup',
      major: 2,
      minor: 0,
      parameters: new Map(),
    })
    expect(decodeStartupPacket(packet(0))).toMatchObject({ kind: 'startup', major: 0 })
  })

  it('takes the last of several values, and names of any kind', () => {
    const decoded = decodeStartupPacket(
      packet(protocol_3, 'user\0a\0__proto__\0x\0user\0b\0empty\0\0\0'),
    )
    expect(decoded.kind === 'startup' && [...decoded.parameters]).toEqual([
      ['user', 'b'],
      ['__proto__', 'x'],
      ['empty', ''],
    ])
  })

  it.each([
    ['database', 'on', 'database'],
    ['database', 'database', 'database'],
    ['database', 'off', 'off'],
    ['true', 'database', 'database'],
    ['yes', 'no', 'no'],
  ])('asks for replication by %s and then %s: the server takes it for %s', (one, two, expected) => {
    const decoded = decodeStartupPacket(
      packet(protocol_3, `replication\0${one}\0replication\0${two}\0\0`),
    )
    expect(decoded.kind === 'startup' && decoded.parameters.get('replication')).toBe(expected)
  })

  it.each([
    ['database', 'logical'],
    ['Database', undefined],
    ['1', 'physical'],
    ['T', 'physical'],
    ['yE', 'physical'],
    ['on', 'physical'],
    ['o', undefined],
    ['off', undefined],
    ['0', undefined],
    ['', undefined],
    ['on ', undefined],
  ])('with replication=%s is of the kind %s', (value, expected) => {
    expect(replicationMode(value)).toBe(expected)
  })

  it.each([
    ['without its terminator', 'user\0a\0'],
    ['with a name alone', 'user\0'],
    ['with an unterminated value', 'user\0alice'],
    ['with bytes behind its terminator', 'user\0a\0\0more'],
    ['with nothing', ''],
  ])('%s is a violation', (_name, body) => {
    expect(() => decodeStartupPacket(packet(protocol_3, body))).toThrow(ProtocolViolation)
  })

  it('asks for TLS or GSS encryption', () => {
    expect(decodeStartupPacket(serialize.requestSsl())).toEqual({ kind: 'ssl' })
    expect(decodeStartupPacket(ssl_request)).toEqual({ kind: 'ssl' })
    expect(decodeStartupPacket(packet(request_codes.gssenc))).toEqual({ kind: 'gssenc' })
  })

  it.each([4, 5, 32, 255, 256])('cancels with a key of %d bytes', (length) => {
    const key = Buffer.alloc(length, 0xab)
    const decoded = decodeStartupPacket(
      packet(request_codes.cancel, Buffer.concat([int32(-5), key])),
    )
    expect(decoded).toEqual({ kind: 'cancel', pid: -5, key })
  })

  it('keeps a cancel key that does not die with its packet', () => {
    const bytes = serialize.cancel(4711, 0x01020304)
    const decoded = decodeStartupPacket(bytes)
    bytes.fill(0)
    expect(decoded).toEqual({ kind: 'cancel', pid: 4711, key: Buffer.from([1, 2, 3, 4]) })
  })

  it.each([0, 3, 257, 9000])('does not cancel with a key of %d bytes', (length) => {
    const body = Buffer.concat([int32(1), Buffer.alloc(length)])
    expect(() => decodeStartupPacket(packet(request_codes.cancel, body))).toThrow(ProtocolViolation)
  })

  it('is total: any bytes give a packet or a violation', () => {
    const codes = fc.constantFrom(protocol_3, 2 << 16, ...Object.values(request_codes))
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.constantFrom('a', '\0', 'user\0'), { maxLength: 12 })
        .map((parts) => Buffer.from(parts.join(''))),
    )
    fc.assert(
      fc.property(codes, body, fc.nat(70), (code, rest, cut) => {
        const whole = packet(code, rest)
        try {
          decodeStartupPacket(whole.subarray(0, Math.max(0, whole.length - cut)))
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
