import { int16 } from './messages.js'

/** PROXY headers, written by hand from the specification (HAProxy, doc/proxy-protocol.txt). */

export const signature = Buffer.from([
  0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
])

export const textHeader = (line: string): Buffer => Buffer.from(`PROXY ${line}\r\n`, 'latin1')

/** Version 2 with any first bytes and any body. */
export function binaryHeader(version_command: number, family: number, body: Buffer): Buffer {
  const kind = Buffer.from([version_command, family])
  return Buffer.concat([signature, kind, int16(body.length), body])
}

/** The addresses and ports of version 2, IPv4 or IPv6 by their length. */
export function addresses(
  source: readonly number[],
  source_port: number,
  more: Buffer = Buffer.alloc(0),
): Buffer {
  const destination = source.map(() => 9)
  return Buffer.concat([
    Buffer.from([...source, ...destination]),
    int16(source_port),
    int16(5432),
    more,
  ])
}

export const ipv4Header = (source: readonly number[], port: number, more?: Buffer): Buffer =>
  binaryHeader(0x21, 0x11, addresses(source, port, more))

export const ipv6Header = (source: readonly number[], port: number, more?: Buffer): Buffer =>
  binaryHeader(0x21, 0x21, addresses(source, port, more))

/** LOCAL: the load balancer's own connection. */
export const localHeader = (): Buffer => binaryHeader(0x20, 0x00, Buffer.alloc(0))
