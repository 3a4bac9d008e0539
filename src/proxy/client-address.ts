import type { Socket } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { ProxyHeader } from '../wire/proxy-header.js'
import type { ClientEndpoint } from './tap.js'

/**
 * Who is at the other end of an accepted socket. `::ffff:192.0.2.1` is shown as `192.0.2.1`.
 * Undefined for a TCP client that has reset its connection before we looked: it has no address
 * any more, though what it sent can still be read, and must not pass for a local one.
 */
export function endpointOf(socket: Socket, unix: boolean): ClientEndpoint | undefined {
  if (unix) return { address: '[local]', port: undefined, local: true }
  const remote = socket.remoteAddress
  if (remote === undefined) return undefined
  // A zone (`fe80::1%eth0`) says nothing beyond this machine.
  const address = ipaddr.process(remote.replace(/%.*$/, ''))
  return {
    address: address.toString(),
    port: socket.remotePort,
    local: address.range() === 'loopback',
  }
}

/**
 * The client that a load balancer passed on. Where the header names none the load balancer's own
 * address stands for it. It is never local: the load balancer may serve the whole world.
 */
export function proxiedEndpoint(balancer: ClientEndpoint, header: ProxyHeader): ClientEndpoint {
  const { address, port } = header.source ?? balancer
  return { address, port, local: false, via: { address: balancer.address, port: balancer.port } }
}

/** A list of addresses and networks (`listen.allow`, `listen.proxy_protocol`), parsed once. */
export class AddressList {
  readonly #ranges: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][]

  /** Each entry is an address or a CIDR; the configuration has checked them. */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map((entry) =>
      entry.includes('/')
        ? ipaddr.parseCIDR(entry)
        : ((address) => [address, address.kind() === 'ipv4' ? 32 : 128])(ipaddr.parse(entry)),
    )
  }

  /** Unix sockets have no address and are on no list. */
  has(client: ClientEndpoint): boolean {
    if (client.address === '[local]') return false
    const address = ipaddr.parse(client.address)
    return this.#ranges.some(
      ([range, bits]) => range.kind() === address.kind() && address.match(range, bits),
    )
  }
}
