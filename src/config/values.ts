import ipaddr from 'ipaddr.js'
import { accepted, type Parse, type Parsed, refused } from './parsed.js'
import { suggest } from './suggest.js'

/** One of a closed list of words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Parse<Word> {
  return (input) => {
    const found = words.find((word) => word === input)
    if (found !== undefined) return accepted(found)
    const near = typeof input === 'string' ? suggest(input, words) : undefined
    const hint = near === undefined ? '' : `Did you mean ${near}? `
    return refused('is not known here', `${hint}Choose one of: ${words.join(', ')}.`)
  }
}

/** `true` or `false`; YAML 1.1's `yes`, `on` and the like are refused, since YAML 1.2 reads text. */
export function parseBoolean(input: unknown): Parsed<boolean> {
  if (typeof input === 'boolean') return accepted(input)
  return refused('is not a boolean', 'Write true or false, without quotes.')
}

/** A whole number within the bounds, both included. */
export function integerWithin(min: number, max: number): Parse<number> {
  const hint = `Write a whole number from ${min} to ${max}.`
  return (input) => {
    if (typeof input !== 'number' || !Number.isInteger(input)) {
      return refused('is not a whole number', hint)
    }
    if (input < min || input > max) return refused('is out of range', hint)
    return accepted(input)
  }
}

/** A TCP port; 0 only where a free port may be taken. */
export function portFrom(min: 0 | 1): Parse<number> {
  const free = min === 0 ? ', or 0 for any free port' : ''
  return (input) => {
    const parsed = integerWithin(min, 65_535)(input)
    if (parsed.ok) return parsed
    return refused('is not a port', `Write a number from 1 to 65535${free}, without quotes.`)
  }
}

/** Text of one line without control characters. */
export function parseText(input: unknown): Parsed<string> {
  if (typeof input !== 'string') return refused('is not text', 'Write it in quotes.')
  if (input.trim() === '') return refused('is empty', 'Write a value, or leave the key out.')
  if (/[\x00-\x1f\x7f]/.test(input)) {
    return refused('contains a control character', 'Write one line of ordinary text.')
  }
  return accepted(input)
}

/** Path of a file or directory; relative ones start at the working directory of the process. */
export function parsePath(input: unknown): Parsed<string> {
  const text = parseText(input)
  if (!text.ok) return text
  if (text.value.startsWith('~')) {
    return refused('begins with ~, which only a shell expands', 'Write the whole path.')
  }
  return text
}

const host_hint =
  'Write an IP address (127.0.0.1, ::1), a host name, or the absolute path of a socket directory.'

/** An IP address, a host name, or the directory of a Unix socket. */
export function parseHost(input: unknown): Parsed<string> {
  const text = parseText(input)
  if (!text.ok) return refused(text.reason, host_hint)
  const host = text.value
  if (host.startsWith('/')) return accepted(host)
  if (host === '*') return refused('is not an address', 'Write 0.0.0.0 for IPv4, "::" for both.')
  if (host.startsWith('[')) return refused('has brackets', 'Write the address alone: "::1".')
  if (host.includes('://')) return refused('is a URL', host_hint)
  if (isAddress(host)) return accepted(host)
  if (/^[\w.-]+:\d+$/.test(host)) {
    return refused('contains a port', 'Write host and port as two keys.')
  }
  if (!isHostName(host)) return refused('is not a host', host_hint)
  return accepted(host)
}

/** RFC 1123 labels, with the underscore that container networks use; all digits is no name. */
function isHostName(host: string): boolean {
  if (host.length > 253 || /^[\d.]+$/.test(host)) return false
  return host
    .replace(/\.$/, '')
    .split('.')
    .every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label))
}

/** The strict forms only: ipaddr.js itself also reads `10` and `0x7f.1` as addresses. */
function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

const cidr_hint = 'Write an address or a network: 192.0.2.7, 10.0.0.0/8, "2001:db8::/32".'

/** An address or a network in CIDR notation. */
export function parseNetwork(input: unknown): Parsed<string> {
  if (typeof input !== 'string') return refused('is not an address', cidr_hint)
  const slash = input.indexOf('/')
  const address = slash === -1 ? input : input.slice(0, slash)
  if (!isAddress(address)) return refused('is not an address or a network', cidr_hint)
  if (slash === -1) return accepted(input)
  const bits = input.slice(slash + 1)
  const bits_max = ipaddr.parse(address).kind() === 'ipv4' ? 32 : 128
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > bits_max) {
    return refused(`has a prefix length outside 0 to ${bits_max}`, cidr_hint)
  }
  return accepted(input)
}

/** An IANA time zone that this Node knows. */
export function parseTimeZone(input: unknown): Parsed<string> {
  const hint = 'Write an IANA name such as UTC, Europe/Berlin or Asia/Tokyo.'
  // Offsets are refused although newer versions of Node read them: 20 does not.
  if (typeof input !== 'string' || /^[+-]/.test(input)) return refused('is not a time zone', hint)
  try {
    new Intl.DateTimeFormat('en', { timeZone: input })
    return accepted(input)
  } catch {
    // A RangeError is how Intl says no; it has no question to ask beforehand.
    const near = suggest(input, Intl.supportedValuesOf('timeZone'))
    return refused('is not a time zone', near === undefined ? hint : `Did you mean ${near}?`)
  }
}
