import { isSecretWord, redacted } from './secret-names.js'
import type { Span } from './spans.js'

const blank = /\s/
const key_pattern = /\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*/y

/** The end of an unquoted value: the next blank that no backslash escapes. */
function bareEnd(text: string, from: number): number {
  let position = from
  while (position < text.length && !blank.test(text.charAt(position))) {
    position += text.charAt(position) === '\\' ? 2 : 1
  }
  return Math.min(position, text.length)
}

/** The end of a value in single quotes, behind the closing one; -1 when it is not closed. */
function quotedEnd(text: string, from: number): number {
  let position = from + 1
  while (position < text.length) {
    const letter = text.charAt(position)
    if (letter === "'") return position + 1
    position += letter === '\\' ? 2 : 1
  }
  return -1
}

/**
 * Finds the passwords in a connection string of `keyword = value` pairs, by the rules of libpq
 * (src/interfaces/libpq/fe-connect.c, conninfo_parse). Undefined when the text is not wholly made
 * of such pairs.
 */
export function conninfoSpans(text: string): Span[] | undefined {
  const spans: Span[] = []
  let position = 0
  let pairs = 0
  for (;;) {
    key_pattern.lastIndex = position
    const match = key_pattern.exec(text)
    if (match === null) break
    const start = key_pattern.lastIndex
    const end = text.charAt(start) === "'" ? quotedEnd(text, start) : bareEnd(text, start)
    if (end < 0) return undefined
    if (isSecretWord(match[1] ?? '') && end > start) spans.push({ start, end, text: redacted })
    position = end
    pairs++
  }
  return pairs > 0 && text.slice(position).trim() === '' ? spans : undefined
}

/** A port, an address of IPv6, or what a program will put in the place of one. */
const no_password = /^(?:\[|[^:]*:(?:$|\d{1,5}(?:[^\dA-Za-z]|$)|[${<]|%(?![\da-f]{2})))/i
const uri_end = /[\s'"<>]/

/**
 * Finds the passwords of URIs such as `postgres://user:password@host/db?password=…`, wherever in
 * the text they stand. Each character is looked at a bounded number of times.
 */
export function uriSpans(text: string): Span[] {
  const spans: Span[] = []
  let searched = 0
  for (;;) {
    const scheme = text.indexOf('://', searched)
    if (scheme < 0) return spans
    const start = scheme + 3
    let end = start
    while (end < text.length && !uri_end.test(text.charAt(end))) end++
    searched = end
    const uri = text.slice(start, end)
    const path = uri.search(/[/?#]/)
    const authority = path < 0 ? uri : uri.slice(0, path)
    let at = authority.lastIndexOf('@')
    // A slash in a password ends the authority too early: in our own scheme the last @ is taken.
    if (at < 0 && /postgres(?:ql)?$/i.test(text.slice(Math.max(0, scheme - 10), scheme))) {
      at = uri.lastIndexOf('@')
    }
    const colon = uri.indexOf(':')
    const query = uri.indexOf('?')
    // What is no port is a password whose host has been cut off.
    if (at < 0 && colon > 0 && colon < authority.length && !no_password.test(authority)) {
      spans.push({ start: start + colon + 1, end: start + authority.length, text: redacted })
    }
    if (colon >= 0 && colon + 1 < at) {
      spans.push({ start: start + colon + 1, end: start + at, text: redacted })
    }
    if (query >= 0) querySpans(uri, query, start, spans)
  }
}

/** Adds the values of secret parameters of a URI whose `?` stands at `query`. */
function querySpans(uri: string, query: number, offset: number, spans: Span[]): void {
  let position = query + 1
  for (const pair of uri.slice(query + 1).split('&')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && isSecretWord(pair.slice(0, equals)) && equals + 1 < pair.length) {
      const start = offset + position + equals + 1
      spans.push({ start, end: offset + position + pair.length, text: redacted })
    }
    position += pair.length + 1
  }
}
