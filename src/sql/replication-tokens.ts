/**
 * The tokens of replication commands, which have a scanner of their own on the server: keywords
 * count in capitals alone, there are no comments, and no escapes but a doubled quote.
 * Source: src/backend/replication/repl_scanner.l of PostgreSQL 12 to 18.
 */
export interface ReplicationToken {
  readonly kind: 'word' | 'quoted' | 'number' | 'position' | 'string' | 'symbol' | 'end'
  /** As written. */
  readonly text: string
  /** What it stands for: folded or unquoted. */
  readonly value: string
  readonly start: number
  readonly end: number
}

/** An identifier may hold any byte beyond ASCII. */
const word = /[A-Za-z_\u0080-\uffff][A-Za-z_\u0080-\uffff0-9$]*/y
const position = /[0-9A-Fa-f]+\/[0-9A-Fa-f]+/y
const number = /[0-9]+/y
const blanks = /[ \t\n\r\f\v]*/y

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

/** As downcase_truncate_identifier does for ASCII; beyond it the server's locale decides. */
export function foldedName(written: string): string {
  return written.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * The token that begins at or behind `from`; undefined for a quote that is not closed. As in flex
 * the longest match wins: `AB/CD` is a position, `ABC` a word.
 */
export function replicationToken(text: string, from: number): ReplicationToken | undefined {
  const start = from + matchAt(blanks, text, from).length
  const token = (kind: ReplicationToken['kind'], written: string, value: string) => {
    return { kind, text: written, value, start, end: start + written.length }
  }
  if (start >= text.length) return token('end', '', '')
  const located = matchAt(position, text, start)
  if (located !== '') return token('position', located, located)
  const named = matchAt(word, text, start)
  if (named !== '') return token('word', named, foldedName(named))
  const counted = matchAt(number, text, start)
  if (counted !== '') return token('number', counted, counted)
  const first = text.charAt(start)
  if (first === '"') {
    // Two quotes in a row are two names here, unlike in SQL.
    const end = text.indexOf('"', start + 1)
    if (end < 0) return undefined
    return token('quoted', text.slice(start, end + 1), text.slice(start + 1, end))
  }
  if (first === "'") {
    const end = endOfString(text, start)
    if (end < 0) return undefined
    const value = text.slice(start + 1, end - 1).replaceAll("''", "'")
    return token('string', text.slice(start, end), value)
  }
  return token('symbol', first, first)
}

/** Behind the closing quote of the string that begins at `start`; -1 when there is none. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const quote = text.indexOf("'", at)
    if (quote < 0) return -1
    if (text.charAt(quote + 1) !== "'") return quote + 1
    at = quote + 2
  }
}
