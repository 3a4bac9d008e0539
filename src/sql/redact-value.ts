import { conninfoSpans } from './redact-conninfo.js'
import { shapedSpans } from './redact-shapes.js'
import { redacted } from './secret-names.js'
import { applySpans } from './spans.js'

/** A name as long as a statement, as drivers make them of texts. */
const speaking = /[\s=:]/

/** True for a value that is worth a closer look: searches for fixed words cost next to nothing. */
function mayTell(value: string): boolean {
  return (
    value.includes('://') ||
    value.includes('assword') ||
    value.includes('SCRAM-SHA-') ||
    value.includes('PRIVATE KEY') ||
    (value.length >= 35 && value.includes('md5'))
  )
}

/**
 * A value of which no statement says that it is secret, without what its own form gives away: the
 * password of a URI or connection string, a key, the hash of a password. Literals of ordinary
 * queries are read in the same way. Gives the value itself when there is no such thing in it.
 */
export function redactValue(value: string): string {
  if (value.length < 12) return value
  if (value.startsWith('\\x')) return redactBytes(value)
  if (!mayTell(value)) return value
  return applySpans(value, [...(conninfoSpans(value) ?? []), ...shapedSpans(value)])
}

/** `://`, `assword`, `SCRAM-SHA-` and `PRIVATE KEY` in hexadecimal digits. */
const hex_marks = ['3a2f2f', '617373776f7264', '534352414d2d5348412d', '50524956415445204b4559']

/** A value of a type that we do not know, in binary format: its bytes may be such a text. */
function redactBytes(value: string): string {
  if (!hex_marks.some((mark) => value.includes(mark))) return value
  const text = Buffer.from(value.slice(2), 'hex').toString('latin1')
  return redactValue(text) === text ? value : redacted
}

/** True for the name of a prepared statement or portal that may be a text of its own. */
export function isSpeakingName(name: string): boolean {
  return speaking.test(name)
}
