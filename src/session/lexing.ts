import type { SentText } from './requests.js'
import type { Settings } from './settings.js'
import type { LexingMode } from './text-decoding.js'

/** Characters that one of the two modes reads otherwise. */
const backslash = '\\'
const beyond_ascii = /[^\u0000-\u007f]/

/**
 * True when the server may have read a text otherwise than we did when it arrived: a statement
 * before it in the same pipeline changed the encoding or the escape mode, or may have. To be asked
 * when everything before the text is accounted for.
 */
export function readOtherwise(text: SentText, settings: Settings): boolean {
  const doubted = settings.lexing_doubted
  const escapes = doubted || !sameEscapes(text.mode, settings)
  if (escapes && text.text.includes(backslash)) return true
  const encoding = doubted || !sameEncoding(text.mode, settings)
  return encoding && beyond_ascii.test(text.text)
}

/** The same for names alone, which backslashes mean nothing in. */
export function namedOtherwise(mode: LexingMode, settings: Settings): boolean {
  return settings.lexing_doubted || !sameEncoding(mode, settings)
}

function sameEscapes(mode: LexingMode, settings: Settings): boolean {
  const value = settings.get('standard_conforming_strings')?.[0]
  return value === undefined || isOn(value) === mode.standard_strings
}

function sameEncoding(mode: LexingMode, settings: Settings): boolean {
  const value = settings.get('client_encoding')?.[0]
  if (value === undefined || value === mode.encoding) return true
  return cleanName(value) === cleanName(mode.encoding)
}

/** As parse_bool in bool.c, for the words that mean true. */
function isOn(value: string): boolean {
  return /^(?:on|t|tr|tru|true|y|ye|yes|1)$/i.test(value)
}

/** As clean_encoding_name in encnames.c: case and punctuation do not count. */
function cleanName(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9]/g, '').toLowerCase()
  return clean === 'unicode' ? 'utf8' : clean
}
