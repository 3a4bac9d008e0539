import { analyseNow } from '../../src/sql/analyse-now.js'
import { SqlTokens } from '../../src/sql/sql-tokens.js'
import { accepted, refused } from '../sql/secrets/corpus.js'
import { filled, halves, tracesIn } from '../sql/secrets/marks.js'
import { shown } from '../sql/secrets/shown.js'
import { InProcessTarget } from './in-process.js'
import type { Random } from './random.js'
import type { Target } from './target.js'

const { EXECUTE: _, ...readable } = accepted
/** Statements that stay what they are when they are written in another way. */
const statements = Object.values(readable)
  .flat()
  .map(filled)
  .filter(({ values }) => values.length === 0)
  .map(({ text }) => text)
/** Of what is no SQL at all another spelling says something else. */
const spoilt = refused
  .map((entry) => filled(entry).text)
  .filter((text) => /^(?:ALTER|COPY|CREATE|DO|EXEC|GRANT|SELEC|SET)/.test(text))

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

const hex = (letter: string, digits: number) =>
  letter.charCodeAt(0).toString(16).padStart(digits, '0')

/** Some letters of a value, as escapes. */
function escaped(value: string, random: Random, write: (letter: string) => string): string {
  return [...value]
    .map((letter) => (/[A-Za-z0-9]/.test(letter) && random.once(4) ? write(letter) : letter))
    .join('')
}

/** The value as another literal of SQL, or as an expression where one may stand. */
function relettered(value: string, random: Random, expression: boolean): string {
  const plain = quoted(value)
  const middle = random.below(value.length + 1)
  // A single letter tells nothing of a secret.
  if (expression && random.once(4)) {
    return `${quoted(value.slice(0, middle))} || ${quoted(value.slice(middle))}`
  }
  const own = value.replaceAll('\\', '\\\\').replaceAll("'", "''")
  return random.pick([
    plain,
    `E'${escaped(own, random, (letter) => `\\x${hex(letter, 2)}`)}'`,
    `E'${escaped(own, random, (letter) => `\\u${hex(letter, 4)}`)}'`,
    `U&'${escaped(own, random, (letter) => `\\${hex(letter, 4)}`)}'`,
    value.includes('$m') ? plain : `$m1$${value}$m1$`,
    `${quoted(value.slice(0, middle))}\n  ${quoted(value.slice(middle))}`,
    `${quoted(value.slice(0, middle))} -- x\n${quoted(value.slice(middle))}`,
  ])
}

const gaps = [' ', '  ', '\n', '\t', '\f', ' /* x */ ', '/**/ ', ' -- y\n', ' /* a /* b */ c */ ']

/** The same statement with other blanks, comments, letters and literals. */
function respelt(text: string, random: Random): string {
  const tokens = new SqlTokens(text, false)
  let written = ''
  let at = 0
  const spaces = random.once(2)
  const letters = random.once(2)
  const literals = random.once(2)
  // Elsewhere than in such a call a half of a literal is data as any other.
  const joins = /^SELECT (?:\* FROM )?(?:public\.)?(?:crypt|dblink|pgp_|hmac)/.test(text)
  while (tokens.next()) {
    const gap = text.slice(at, tokens.start)
    const token = text.slice(tokens.start, tokens.end)
    written += spaces && /^ +$/.test(gap) ? random.pick(gaps) : gap
    if (tokens.kind === 'word' && letters) {
      written += random.once(2) ? token.toLowerCase() : token.toUpperCase()
    } else if (tokens.kind === 'string' && tokens.prefix === '' && literals) {
      const content = text.slice(tokens.content_start, tokens.content_end)
      // A literal in several parts stays as it is.
      const whole = !/'\s*\n\s*'/.test(content) && token.startsWith("'")
      written += whole ? relettered(content.replaceAll("''", "'"), random, joins) : token
    } else written += token
    at = tokens.end
  }
  return written + text.slice(at)
}

/** The statement inside of another, or beside it. */
function wrapped(text: string, random: Random): string {
  // In a body its name would stand for something else.
  if (/corpus_nothing/i.test(text)) return text
  const tag = `$w${random.below(1000)}$`
  return random.pick([
    text,
    text,
    `SELECT 'a', 1; ${text}`,
    `${text}\n; SELECT "b"`,
    `DO ${tag}BEGIN ${text}\n; END${tag}`,
    `DO ${tag} DECLARE n int := 1; BEGIN PERFORM 'x'; EXECUTE ${quoted(text)}; END ${tag}`,
    `DO ${quoted(`BEGIN ${text}\n; END`)}`,
    `CREATE FUNCTION f() RETURNS void LANGUAGE sql AS ${tag}SELECT 'x'; ${text}\n${tag}`,
    /^(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b/i.test(text) ? `PREPARE m AS ${text}` : text,
  ])
}

/** What makes the text one that the grammar refuses, behind or before the secret. */
function broken(text: string, random: Random): string {
  const end = text.lastIndexOf(halves[1]) + halves[1].length
  return random.pick([
    `${text}\n)`,
    `${text}\n AND`,
    `${text}\n; SELEC 1`,
    `( ${text}`,
    `SELECT 1 FROM; ${text}`,
    text.includes(halves[1]) && /pass|secret|token|crypt/i.test(text.slice(0, end - 20))
      ? text.slice(0, end)
      : text,
  ])
}

function generate(random: Random): string {
  if (random.once(5)) return respelt(random.pick(spoilt), random)
  const text = respelt(random.pick(statements), random)
  return random.once(3) ? broken(text, random) : wrapped(text, random)
}

async function faultsOf(text: string): Promise<readonly string[]> {
  const told = shown(await analyseNow(text))
  return tracesIn(told).length > 0 ? [`tells a secret: ${text}`] : []
}

/** The corpus of secrets, written and wrapped in every way, before the analysis. */
export const secrets: Target = {
  name: 'secrets',
  open: async (options) =>
    new InProcessTarget('secrets', options, {
      batch: 200,
      generate,
      faultsOf,
      // A part of a secret may be none, and a part of a statement may not tell that it is one.
      pieces: () => [],
      whole: (pieces) => pieces.join(''),
    }),
}
