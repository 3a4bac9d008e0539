import { storableText } from './json-text.js'

/** What COPY would read as something else, or a careless reader would trim. */
const unsafe = /[",\r\n]|^\s|\s$|^\\\./

/** Characters that no text of PostgreSQL can hold, or whole surrogate pairs: looked at again. */
const suspicious = /[\u0000\ud800-\udfff]/

/** A value in quotes, whatever it is. */
export function quotedCsv(value: string): string {
  return `"${value.replaceAll('"', '""')}"`
}

/**
 * One column: quoted when it must be, `''` is `""` and undefined or null is nothing (NULL for
 * COPY). U+0000 and lone surrogates become U+FFFD; every other character stands as it is.
 */
export function csvColumn(value: string | null | undefined): string {
  if (value === undefined || value === null) return ''
  const text = suspicious.test(value) ? storableText(value) : value
  return text === '' || unsafe.test(text) ? quotedCsv(text) : text
}
