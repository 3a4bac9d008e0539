import { continuationAt, SqlTokens } from './sql-tokens.js'

const simple_escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

const escape_pattern =
  /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([\s\S]))/g

/** The character with this code; a code that is none becomes U+FFFD, as nothing can be hidden in it. */
function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
}

/** Undoes the backslash escapes of an `E'…'` literal. */
function unescapeBackslashes(raw: string): string {
  return raw.replace(
    escape_pattern,
    (_all, octal?: string, hex?: string, short?: string, long?: string, other?: string) => {
      if (octal !== undefined) return character(Number.parseInt(octal, 8))
      const digits = hex ?? short ?? long
      if (digits !== undefined) return character(Number.parseInt(digits, 16))
      return simple_escapes[other ?? ''] ?? other ?? ''
    },
  )
}

/** Undoes the escapes of `U&'…'` and `U&"…"`. */
function unescapeUnicode(raw: string, sign: string): string {
  const prefix = /[$()*+.?[\\\]^{|}]/.test(sign) ? `\\${sign}` : sign
  const pattern = `${prefix}(?:([0-9A-Fa-f]{4})|\\+([0-9A-Fa-f]{6})|${prefix})`
  return raw.replace(new RegExp(pattern, 'g'), (_all, short?: string, long?: string) => {
    const digits = short ?? long
    return digits === undefined ? sign : character(Number.parseInt(digits, 16))
  })
}

/** The escape character of the `U&` token that the reader stands on: UESCAPE may follow it. */
function unicodeEscape(tokens: SqlTokens): string {
  const ahead = new SqlTokens(tokens.text, tokens.backslash_escapes)
  ahead.seek(tokens.end)
  if (nextKind(ahead) !== 'word' || nameValue(ahead).toLowerCase() !== 'uescape') return '\\'
  const kind = nextKind(ahead)
  if ((kind !== 'string' && kind !== 'dollar') || ahead.prefix === 'u') return '\\'
  const value = literalValue(ahead)
  return value.length === 1 ? value : '\\'
}

/** Moves to the next token that is no comment; undefined at the end of the text. */
function nextKind(tokens: SqlTokens): SqlTokens['kind'] | undefined {
  while (tokens.next()) if (tokens.kind !== 'comment') return tokens.kind
  return undefined
}

/** The contents of a literal with doubled quotes made single and its continued parts joined. */
function joinParts(tokens: SqlTokens, escapes: boolean): string {
  const { text, content_start, content_end } = tokens
  let joined = ''
  let from = content_start
  let position = content_start
  while (position < content_end) {
    const letter = text.charAt(position)
    if (letter === '\\' && escapes) {
      position += 2
    } else if (letter !== "'") {
      position++
    } else if (text.charAt(position + 1) === "'") {
      joined += text.slice(from, position + 1)
      position += 2
      from = position
    } else {
      joined += text.slice(from, position)
      const continued = continuationAt(text, position + 1)
      position = continued < 0 ? content_end : continued
      from = position
    }
  }
  return joined + text.slice(from, Math.max(from, content_end))
}

/**
 * The value of the string literal (quoted or dollar-quoted) that the reader stands on. Bit strings
 * are taken as they are written.
 */
export function literalValue(tokens: SqlTokens): string {
  const raw = tokens.text.slice(tokens.content_start, tokens.content_end)
  if (tokens.kind === 'dollar') return raw
  const plain = tokens.prefix === '' || tokens.prefix === 'n'
  const escapes = tokens.prefix === 'e' || (plain && tokens.backslash_escapes)
  const joined = raw.includes("'") ? joinParts(tokens, escapes) : raw
  if (tokens.prefix === 'u') return unescapeUnicode(joined, unicodeEscape(tokens))
  return escapes && joined.includes('\\') ? unescapeBackslashes(joined) : joined
}

/** The name that the reader stands on, unquoted; not folded, since all tests of names ignore case. */
export function nameValue(tokens: SqlTokens): string {
  const raw = tokens.text.slice(tokens.content_start, tokens.content_end)
  if (tokens.kind !== 'quoted') return raw
  const single = raw.includes('""') ? raw.replaceAll('""', '"') : raw
  return tokens.prefix === 'u' ? unescapeUnicode(single, unicodeEscape(tokens)) : single
}

/**
 * Writes a new value in place of the literal that the reader stands on: with the same dollar tag,
 * otherwise as a plain literal. One that was not terminated stays so.
 */
export function rewriteLiteral(tokens: SqlTokens, value: string): string {
  if (tokens.kind === 'dollar') {
    const tag = tokens.text.slice(tokens.start, tokens.content_start)
    return tokens.terminated ? `${tag}${value}${tag}` : `${tag}${value}`
  }
  const quoted = `'${value.replaceAll("'", "''")}`
  return tokens.terminated ? `${quoted}'` : quoted
}
