import { limits } from '../lib/limits.js'
import { Cursor } from './cursor.js'
import { ProtocolViolation } from './protocol-violation.js'
import { mergedReplication } from './replication-mode.js'

/** Request codes that stand where a protocol version would. Source: src/include/libpq/pqcomm.h. */
export const request_codes = {
  cancel: 80877102,
  ssl: 80877103,
  gssenc: 80877104,
} as const

/** The first four bytes of a PROXY header, by its version. Source: HAProxy, doc/proxy-protocol.txt. */
const proxy_header_beginnings: readonly number[] = [0x50524f58, 0x0d0a0d0a]

/** The first packet of a connection, decoded. */
export type StartupPacket =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }
  | {
      readonly kind: 'startup'
      readonly major: number
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }

/**
 * The length of the startup packet at the beginning of `buffer`, or undefined while its length
 * field is not complete. Throws {@link ProtocolViolation} when it is out of bounds.
 */
export function startupPacketLength(buffer: Buffer): number | undefined {
  if (buffer.length < 4) return undefined
  const length = buffer.readInt32BE(0)
  // The server counts without the length field itself.
  if (proxy_header_beginnings.includes(length)) {
    throw new ProtocolViolation(
      'a PROXY header where a startup packet was expected',
      'A PROXY header is taken only from the addresses of listen.proxy_protocol.',
    )
  }
  if (length < 8 || length - 4 > limits.startup_packet_bytes) {
    throw new ProtocolViolation(`invalid length of startup packet (${length})`)
  }
  return length
}

/** Decodes one whole startup packet, length field included. Throws {@link ProtocolViolation}. */
export function decodeStartupPacket(packet: Buffer): StartupPacket {
  const cursor = new Cursor().reset(packet, 4, packet.length)
  const code = cursor.uint32('startup packet')
  if (code === request_codes.ssl) return { kind: 'ssl' }
  if (code === request_codes.gssenc) return { kind: 'gssenc' }
  if (code === request_codes.cancel) {
    const pid = cursor.int32('cancel request')
    // Keys are 4 bytes in protocol 3.0 and up to 256 in 3.2.
    if (cursor.remaining < 4 || cursor.remaining > 256) {
      throw new ProtocolViolation('invalid key length in cancel request')
    }
    return { kind: 'cancel', pid, key: Buffer.from(cursor.bytes(cursor.remaining, 'cancel key')) }
  }
  const major = code >>> 16
  const minor = code & 0xffff
  if (major !== 3) {
    return { kind: 'startup', major, minor, parameters: new Map() }
  }
  const parameters = new Map<string, string>()
  for (;;) {
    const name = cursor.cstring('startup parameter name')
    if (name === '') break
    const value = cursor.cstring(`value of startup parameter ${name}`)
    const earlier = name === 'replication' ? parameters.get(name) : undefined
    parameters.set(name, mergedReplication(earlier, value))
  }
  cursor.finish('startup packet')
  return { kind: 'startup', major, minor, parameters }
}
