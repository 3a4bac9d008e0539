import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import { decodeProxyHeader } from '../../src/wire/proxy-header.js'
import {
  addresses,
  binaryHeader,
  ipv4Header,
  ipv6Header,
  localHeader,
  signature,
  textHeader,
} from '../support/proxy-headers.js'

const documentation_v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x17]
const mapped_v4 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]

/** Each header with the client that it names. */
const good: readonly [string, Buffer, object | undefined][] = [
  [
    'TCP4',
    textHeader('TCP4 192.0.2.1 198.51.100.2 56324 5432'),
    { address: '192.0.2.1', port: 56324 },
  ],
  [
    'TCP6',
    textHeader('TCP6 2001:db8::17 2001:db8::1 1 65535'),
    { address: '2001:db8::17', port: 1 },
  ],
  [
    'the longest of TCP6',
    textHeader(`TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    { address: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', port: 65535 },
  ],
  [
    'TCP6 of a mapped address',
    textHeader('TCP6 ::ffff:192.0.2.7 ::1 0 0'),
    { address: '192.0.2.7', port: undefined },
  ],
  ['UNKNOWN alone', textHeader('UNKNOWN'), undefined],
  ['UNKNOWN with anything', textHeader('UNKNOWN 127.0.0.1 \0 what ever 99999 x'), undefined],
  ['IPv4', ipv4Header([192, 0, 2, 1], 56324), { address: '192.0.2.1', port: 56324 }],
  ['IPv6', ipv6Header(documentation_v6, 0), { address: '2001:db8::17', port: undefined }],
  ['IPv6 of a mapped address', ipv6Header(mapped_v4, 9), { address: '192.0.2.7', port: 9 }],
  [
    'IPv4 with further fields',
    ipv4Header([192, 0, 2, 1], 7, Buffer.from('\x03\0\x04abcd PROXY \r\n', 'latin1')),
    { address: '192.0.2.1', port: 7 },
  ],
  ['LOCAL', localHeader(), undefined],
  ['LOCAL with addresses', binaryHeader(0x20, 0x11, addresses([192, 0, 2, 1], 7)), undefined],
  ['LOCAL of a family to come', binaryHeader(0x20, 0x77, Buffer.from('xyz')), undefined],
  ['a Unix client of the load balancer', binaryHeader(0x21, 0x31, Buffer.alloc(216)), undefined],
  ['no family', binaryHeader(0x21, 0x00, Buffer.from('fields')), undefined],
]

const bad: readonly [string, Buffer][] = [
  ['of UDP', textHeader('UDP4 192.0.2.1 198.51.100.2 56324 5432')],
  ['in small letters', Buffer.from('proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n')],
  ['of the wrong family', textHeader('TCP6 192.0.2.1 198.51.100.2 56324 5432')],
  ['of the wrong family', textHeader('TCP4 ::1 ::1 56324 5432')],
  ['with an octal address', textHeader('TCP4 0300.0.2.1 198.51.100.2 56324 5432')],
  ['with a short address', textHeader('TCP4 127.1 198.51.100.2 56324 5432')],
  ['with a zone', textHeader('TCP6 fe80::1%eth0 ::1 56324 5432')],
  ['with a bad destination', textHeader('TCP4 192.0.2.1 nowhere 56324 5432')],
  ['with a port too large', textHeader('TCP4 192.0.2.1 198.51.100.2 65536 5432')],
  ['with a port of zeros', textHeader('TCP4 192.0.2.1 198.51.100.2 00 5432')],
  ['with a negative port', textHeader('TCP4 192.0.2.1 198.51.100.2 -1 5432')],
  ['without a port', textHeader('TCP4 192.0.2.1 198.51.100.2 56324')],
  ['with two spaces', textHeader('TCP4  192.0.2.1 198.51.100.2 56324 5432')],
  ['with more behind', textHeader('TCP4 192.0.2.1 198.51.100.2 56324 5432 ')],
  [
    'with a line feed alone',
    Buffer.from(`PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n${'x'.repeat(90)}`),
  ],
  ['without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
  ['of version 1 in binary', binaryHeader(0x11, 0x11, addresses([1, 2, 3, 4], 5))],
  ['of an unknown command', binaryHeader(0x22, 0x11, addresses([1, 2, 3, 4], 5))],
  ['of datagrams', binaryHeader(0x21, 0x12, addresses([1, 2, 3, 4], 5))],
  ['of an unknown family', binaryHeader(0x21, 0x41, Buffer.alloc(216))],
  ['too short for IPv4', binaryHeader(0x21, 0x11, Buffer.alloc(11))],
  ['too short for IPv6', binaryHeader(0x21, 0x21, Buffer.alloc(35))],
  ['too short for a socket', binaryHeader(0x21, 0x31, Buffer.alloc(215))],
  ['too long', binaryHeader(0x20, 0x00, Buffer.alloc(limits.proxy_header_bytes - 15))],
  ['of TLS', Buffer.from([0x16, 3, 1])],
  ['of PostgreSQL', Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])],
]

describe('a PROXY header', () => {
  it.each(good)('%s: tells the client, wherever it is cut', (_name, header, source) => {
    for (let cut = 0; cut < header.length; cut++) {
      expect(decodeProxyHeader(header.subarray(0, cut)), `cut at ${cut}`).toBeUndefined()
    }
    const behind = Buffer.from('\0\0\0\x08\r\n')
    for (let more = 0; more <= behind.length; more++) {
      const bytes = Buffer.concat([header, behind.subarray(0, more)])
      expect(decodeProxyHeader(bytes)).toEqual({ length: header.length, source })
    }
  })

  it.each(bad)('%s: is refused', (_name, header) => {
    expect(() => decodeProxyHeader(header)).toThrow(ProtocolViolation)
  })

  it('is refused at its first wrong byte, not when more has come', () => {
    expect(() => decodeProxyHeader(Buffer.from('PS'))).toThrow(/does not begin with/)
    expect(() => decodeProxyHeader(Buffer.concat([signature, Buffer.from([0x31])]))).toThrow(
      /version 3/,
    )
    const huge = Buffer.concat([signature, Buffer.from([0x21, 0x11, 0xff, 0xff])])
    expect(() => decodeProxyHeader(huge)).toThrow(/65551 bytes/)
  })

  it('of the largest size is taken', () => {
    const body = Buffer.alloc(limits.proxy_header_bytes - 16)
    expect(decodeProxyHeader(binaryHeader(0x20, 0, body))).toEqual({
      length: limits.proxy_header_bytes,
      source: undefined,
    })
  })

  it('that was tampered with gives an answer or a violation, and the same byte by byte', () => {
    const mutation = fc.record({
      header: fc.constantFrom(...good.map(([, header]) => header)),
      at: fc.nat(),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 3 }),
      removed: fc.nat(3),
    })
    const outcome = (bytes: Buffer): unknown => {
      try {
        return decodeProxyHeader(bytes)
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error
        return 'violation'
      }
    }
    fc.assert(
      fc.property(mutation, ({ header, at, bytes, removed }) => {
        const place = at % header.length
        const mutated = Buffer.concat([
          header.subarray(0, place),
          bytes,
          header.subarray(place + removed),
        ])
        const whole = outcome(mutated)
        let first: unknown
        for (let end = 0; end <= mutated.length && first === undefined; end++) {
          first = outcome(mutated.subarray(0, end))
        }
        expect(first).toEqual(whole)
        if (typeof whole !== 'object' || whole === null || !('length' in whole)) return
        expect(whole.length).toBeLessThanOrEqual(limits.proxy_header_bytes)
        expect(whole.length).toBeLessThanOrEqual(mutated.length)
      }),
      { numRuns: 3_000 },
    )
  })

  it('of random bytes never passes for one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        fc.pre(bytes[0] !== 0x50 && bytes[0] !== 0x0d)
        expect(() => decodeProxyHeader(Buffer.from(bytes))).toThrow(ProtocolViolation)
      }),
    )
  })
})
