import ipaddr from 'ipaddr.js'
import { WitnessError } from '../errors.js'
import type { TextTest } from './glob.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** What a client on a Unix socket has in place of an address. */
const unix_client = '[local]'

/** An address in its plain form: an IPv4 address that came over IPv6 is an IPv4 address. */
function parseAddress(text: string): Address | undefined {
  // Of IPv4, only four decimal numbers: `010.0.0.1` and `10.1` mean other things to other readers.
  const usable = text.includes(':')
    ? ipaddr.IPv6.isValid(text)
    : ipaddr.IPv4.isValidFourPartDecimal(text)
  return usable ? ipaddr.process(text) : undefined
}

/** A network in its plain form, as `parseAddress`: `::ffff:10.0.0.0/104` is `10.0.0.0/8`. */
function parseNetwork(text: string): readonly [Address, number] | undefined {
  const slash = text.indexOf('/')
  const address_text = slash < 0 ? text : text.slice(0, slash)
  const address = parseAddress(address_text)
  if (address === undefined) return undefined
  const bits = address.kind() === 'ipv4' ? 32 : 128
  if (slash < 0) return [address, bits]
  const length_text = text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(length_text)) return undefined
  const mapped = address.kind() === 'ipv4' && address_text.includes(':')
  const length = Number(length_text) - (mapped ? 96 : 0)
  return length >= 0 && length <= bits ? [address, length] : undefined
}

/**
 * Compiles one value of the key `client`: an address, a network (CIDR), or `[local]` for Unix
 * sockets. Throws `config.invalid` for anything else.
 */
export function compileClient(pattern: string): TextTest {
  if (pattern === unix_client) return (client) => client === unix_client
  const network = parseNetwork(pattern)
  if (network === undefined) {
    throw new WitnessError(
      'config.invalid',
      `client: "${pattern}" is no address, no network (10.0.0.0/8) and not [local]`,
    )
  }
  const [base, length] = network
  return (client) => {
    const address = parseAddress(client)
    return address !== undefined && address.kind() === base.kind() && address.match(base, length)
  }
}
