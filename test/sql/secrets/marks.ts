import type { SecretStatement } from './corpus.js'

/** The two halves of the secret. Neither is a word that anything else would say. */
export const halves = ['Zauber77', 'Lampe99q'] as const
/** What no record, log or page may tell, in whatever form. */
export const secret = halves.join('')

const bytes = Buffer.from(secret)

function each(write: (code: number) => string): string {
  return [...bytes].map(write).join('')
}

const two = (code: number, radix: number, digits: number) =>
  code.toString(radix).padStart(digits, '0')

/** What stands in a text for a mark of the corpus. */
const marks: Readonly<Record<string, string>> = {
  secret,
  first: halves[0],
  second: halves[1],
  hex: bytes.toString('hex'),
  base64: bytes.toString('base64'),
  percent: each((code) => `%${two(code, 16, 2)}`),
  escapes: each((code) => `\\x${two(code, 16, 2)}`),
  octal: each((code) => `\\${two(code, 8, 3)}`),
  unicode: each((code) => `\\${two(code, 16, 4)}`),
  md5: 'md5c0ffee00c0ffee11c0ffee22c0ffee33',
  scram: `SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0$${bytes.toString('base64')}:U2VydmVyS2V5U2VydmVyS2V5`,
}

/** A text of the corpus with the secret in its places. */
export function fill(text: string): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => marks[name] ?? all)
}

/** A statement of the corpus with the secret in its places. */
export function filled(entry: string | SecretStatement): Required<SecretStatement> {
  const { text, values = [] } = typeof entry === 'string' ? { text: entry } : entry
  return { text: fill(text), values: values.map(fill) }
}

/** Base64 of the secret where it does not begin at a multiple of three bytes. */
function shifted(by: number): string {
  const encoded = Buffer.concat([Buffer.alloc(by, '='), bytes]).toString('base64')
  return encoded.slice(by === 0 ? 0 : 4, -4)
}

/** What gives the secret away, in lower case: its halves and its encodings. */
const traces: readonly string[] = [
  ...halves,
  'c0ffee11',
  'U2VydmVyS2V5U2VydmVyS2V5',
  ...[0, 1, 2].map(shifted),
  ...[bytes, Buffer.from(secret, 'utf16le')].map((form) => form.toString('hex')),
  ...(['percent', 'escapes', 'octal', 'unicode'] as const).map((name) => marks[name] ?? ''),
].map((trace) => trace.toLowerCase())

/** The traces of the secret in what somebody could read; none, it is hoped. */
export function tracesIn(text: string): readonly string[] {
  // JSON and CSV write a backslash or a quote as two characters.
  const readings = [text, text.replaceAll('\\\\', '\\')].map((each) => each.toLowerCase())
  return traces.filter((trace) => readings.some((reading) => reading.includes(trace)))
}
