import ipaddr from 'ipaddr.js'
import { limits } from '../lib/limits.js'
import { ProtocolViolation } from './protocol-violation.js'

/**
 * What a load balancer says of the connection that it passes on, before the connection's own
 * first byte. Source: "The PROXY protocol, versions 1 & 2" (HAProxy, doc/proxy-protocol.txt).
 */
export interface ProxyHeader {
  /** Bytes of the header, what it holds beyond the addresses included. */
  readonly length: number
  /** Where the client connected from; undefined when the header names no address of a network. */
  readonly source: ProxiedSource | undefined
}

/** The client's end of the connection to the load balancer. */
export interface ProxiedSource {
  readonly address: string
  /** Undefined for port 0, which stands for none. */
  readonly port: number | undefined
}

const text_prefix = Buffer.from('PROXY ', 'latin1')
const binary_signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const binary_fixed_bytes = 16
/** The longest line of version 1, its CRLF included. */
const text_bytes = 107

/** Bytes of the two addresses and ports of version 2, by transport and family. */
const tcp4 = { code: 0x11, bytes: 12 } as const
const tcp6 = { code: 0x21, bytes: 36 } as const
const unix_stream = { code: 0x31, bytes: 216 } as const
const unspecified = 0x00

/**
 * The header at the beginning of `buffer`, or undefined while it is not complete: ask again with
 * all bytes so far. Throws {@link ProtocolViolation} as soon as the bytes cannot become a header,
 * and for one that is longer than we take.
 */
export function decodeProxyHeader(buffer: Buffer): ProxyHeader | undefined {
  if (beginsAs(buffer, text_prefix)) return decodeText(buffer)
  if (beginsAs(buffer, binary_signature)) return decodeBinary(buffer)
  throw new ProtocolViolation('the connection does not begin with a PROXY header')
}

/** True while what there is of `buffer` is that of `prefix`. */
function beginsAs(buffer: Buffer, prefix: Buffer): boolean {
  const length = Math.min(buffer.length, prefix.length)
  return buffer.compare(prefix, 0, length, 0, length) === 0
}

/** Version 1: `PROXY TCP4 192.0.2.1 198.51.100.2 56324 5432` and a CRLF. */
function decodeText(buffer: Buffer): ProxyHeader | undefined {
  const end = buffer.subarray(0, text_bytes).indexOf('\r\n', 0, 'latin1')
  if (end < 0) {
    if (buffer.length < text_bytes) return undefined
    throw new ProtocolViolation(`a PROXY header of version 1 without an end in ${text_bytes} bytes`)
  }
  const line = buffer.toString('latin1', text_prefix.length, end)
  const length = end + 2
  // The sender does not know; what it may say behind that is to be ignored.
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { length, source: undefined }
  const [family, source, destination, source_port, destination_port, ...rest] = line.split(' ')
  const isAddress =
    family === 'TCP4'
      ? ipaddr.IPv4.isValidFourPartDecimal
      : family === 'TCP6'
        ? isIpv6
        : () => false
  const port = portOf(source_port)
  if (
    source === undefined ||
    destination === undefined ||
    !isAddress(source) ||
    !isAddress(destination) ||
    port === undefined ||
    portOf(destination_port) === undefined ||
    rest.length > 0
  ) {
    throw new ProtocolViolation('a malformed PROXY header of version 1')
  }
  return { length, source: sourceOf(source, port) }
}

/** A zone (`%eth0`) means nothing beyond the machine that wrote it. */
function isIpv6(text: string): boolean {
  return !text.includes('%') && ipaddr.IPv6.isValid(text)
}

/** Decimal, without leading zeros, as the specification asks. */
function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined
  const port = Number(text)
  return port > 65_535 ? undefined : port
}

/**
 * Version 2:
 *
 *     signature (12) | version, command (1) | family, transport (1) | length of the rest (2) |
 *     source address, destination address, source port, destination port | further fields
 */
function decodeBinary(buffer: Buffer): ProxyHeader | undefined {
  // What is wrong is told at its first byte: the rest of it may never come.
  if (buffer.length > 12 && buffer.readUInt8(12) >>> 4 !== 2) {
    throw new ProtocolViolation(`a PROXY header of version ${buffer.readUInt8(12) >>> 4}`)
  }
  if (buffer.length < binary_fixed_bytes) return undefined
  const command = buffer.readUInt8(12) & 0x0f
  const family = buffer.readUInt8(13)
  const body_bytes = buffer.readUInt16BE(14)
  const length = binary_fixed_bytes + body_bytes
  if (length > limits.proxy_header_bytes) {
    throw new ProtocolViolation(`a PROXY header of ${length} bytes`)
  }
  // LOCAL: the load balancer speaks for itself, to see whether we are there.
  const is_local = command === 0
  if (!is_local && command !== 1) {
    throw new ProtocolViolation(`unknown command ${command} in a PROXY header`)
  }
  const needed_bytes = is_local ? 0 : addressBytes(family)
  if (body_bytes < needed_bytes) {
    throw new ProtocolViolation('a PROXY header too short for its addresses')
  }
  if (buffer.length < length) return undefined
  if (is_local || (family !== tcp4.code && family !== tcp6.code)) {
    return { length, source: undefined }
  }
  return { length, source: binarySource(buffer, family === tcp4.code ? 4 : 16) }
}

/** A client of the load balancer's own Unix socket has no address that would mean anything here. */
function addressBytes(family: number): number {
  if (family === tcp4.code) return tcp4.bytes
  if (family === tcp6.code) return tcp6.bytes
  if (family === unix_stream.code) return unix_stream.bytes
  if (family === unspecified) return 0
  throw new ProtocolViolation(`unknown address family ${family} in a PROXY header`)
}

function binarySource(buffer: Buffer, address_bytes: 4 | 16): ProxiedSource {
  const start = binary_fixed_bytes
  const bytes = [...buffer.subarray(start, start + address_bytes)]
  const port = buffer.readUInt16BE(start + 2 * address_bytes)
  return sourceOf(ipaddr.fromByteArray(bytes).toString(), port)
}

/** `::ffff:192.0.2.1` is shown as `192.0.2.1`, so that one client has one name. */
function sourceOf(address: string, port: number): ProxiedSource {
  return { address: ipaddr.process(address).toString(), port: port === 0 ? undefined : port }
}
