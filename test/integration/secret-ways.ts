import { fill, secret } from '../sql/secrets/marks.js'
import { bind, execute, flush, parse, query, sync } from '../support/messages.js'

/** One way to send a statement: the messages, and how many times the server is then ready. */
export interface Way {
  readonly name: string
  readonly messages: readonly Buffer[]
  readonly ready: number
}

export interface Sent {
  readonly text: string
  readonly values: readonly string[]
}

/** A comment that makes a text longer than `audit.statement_max` of the test. */
const padding = `/* ${'long '.repeat(300)} */`

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Parse, Bind and Execute with what values there are, in the format of this number. */
function asked(name: string, { text, values }: Sent, format: 0 | 1 = 0): Buffer[] {
  const formats = values.length === 0 ? [] : [format]
  return [parse(name, text), bind(name, name, values, formats), execute(name)]
}

function simple(name: string, ...texts: readonly string[]): Way {
  return { name, messages: texts.map((each) => query(each)), ready: texts.length }
}

/** Sends and executes a statement, alone and with its fellows, whole and spoilt. */
function plainWays(sent: Sent): Way[] {
  const { text, values } = sent
  const alone: Way[] = [
    { name: 'extended protocol', messages: [...asked('', sent), sync()], ready: 1 },
    {
      name: 'never executed',
      messages: [
        parse('kept', text),
        flush(),
        parse('kept2', text),
        bind('p', 'kept2', values),
        sync(),
      ],
      ready: 1,
    },
    {
      name: 'skipped behind a failure',
      messages: [parse('', 'SELECT 1 / 0'), bind('', ''), execute(), ...asked('', sent), sync()],
      ready: 1,
    },
    {
      name: 'binary values',
      messages: [...asked('', sent, 1), sync()],
      ready: 1,
    },
    {
      name: 'a transaction that fails',
      messages: [query('BEGIN'), ...asked('', sent), sync(), query('COMMIT')],
      ready: 3,
    },
  ]
  if (values.length > 0) return alone
  const cut = text.slice(0, text.indexOf(secret) + secret.length)
  return [
    ...alone,
    simple('simple protocol', text),
    simple('among others', `SELECT 'before'; ${text}\n; SELECT 'behind'`),
    simple('failing behind another', 'BEGIN', `SELECT 1; ${text}\n; SELECT 1 / 0`, 'ROLLBACK'),
    simple('refused', `${text}\n)`),
    // Before the secret nothing may have said yet that it is one.
    simple('cut off', text.includes(secret) && !text.includes('DECLARE v text') ? cut : text),
    simple('long', `${padding}${text}`, `${text}\n${padding}`),
  ]
}

/** In code a refused text is none of SQL, and EXECUTE runs a string. */
function codeWays({ text, values }: Sent): Way[] {
  const is_code = /^(?!EXEC|EXPLAIN ANALYZE EXECUTE|CREATE ROLE corpus_a PASW|curl)[A-Z]+\s/i.test(
    text,
  )
  if (values.length > 0 || !is_code) return []
  return [
    simple('in a block', `DO $way$ BEGIN ${text}\n; END $way$`),
    simple('in a string of a block', `DO $way$ BEGIN EXECUTE ${quoted(text)}; END $way$`),
    simple(
      'in a function',
      `CREATE OR REPLACE FUNCTION corpus_way() RETURNS void LANGUAGE sql AS $way$ ${text}\n $way$`,
    ),
  ]
}

/** What only a query can be the part of. */
function queryWays({ text, values }: Sent): Way[] {
  if (values.length > 0 || !/^(?:WITH|SELECT)\b/.test(text)) return []
  return [
    simple('explained', `EXPLAIN (ANALYZE) ${text}`),
    simple('prepared', `PREPARE way AS ${text}`, 'EXECUTE way', 'DEALLOCATE ALL'),
    simple('cursor', `BEGIN`, `DECLARE way CURSOR FOR ${text}`, 'FETCH way', 'ROLLBACK'),
    simple('copied', `COPY (${text}\n) TO STDOUT`),
    simple('made a table', `CREATE TEMP TABLE way AS ${text}`, 'DROP TABLE IF EXISTS way'),
    simple('made a view', `CREATE OR REPLACE TEMP VIEW way_view AS ${text}`),
    simple('subquery', `SELECT * FROM (${text}\n) AS way`),
  ]
}

/** Everything that is tried with a statement of the corpus. */
export function waysOf(sent: Sent): readonly Way[] {
  return [...plainWays(sent), ...codeWays(sent), ...queryWays(sent)]
}

/** Where a secret may stand outside of any statement: startup parameters of a session. */
export const startups: readonly Readonly<Record<string, string>>[] = [
  { application_name: 'postgres://bob:{secret}@h/d' },
  { application_name: 'host=h password={secret}' },
  { options: '-c corpus.password={secret}' },
  { options: '-c corpus.password={secret} -c nothing' },
  { options: '-c default_transaction_read_only={secret} -c corpus.password={secret}' },
  { options: '--password={secret}' },
  { options: '-password={secret}' },
  { 'corpus.secret_key': '{secret}' },
  { database: 'postgres://bob:{secret}@h/d' },
  { database: 'postgres://a-name-of-a-role-that-is-quite-long:{secret}{secret}@h/d' },
  { user: 'postgres://bob:{secret}@h/d' },
].map((each) =>
  Object.fromEntries(Object.entries(each).map(([name, value]) => [name, fill(value)])),
)
