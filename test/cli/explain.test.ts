import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { runToEnd } from './spawn-cli.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-explain-'))

afterAll(() => rmSync(directory, { recursive: true }))

const config_file = join(directory, 'rules.yaml')
const rules = `rules:
  - { name: finance-writes, class: [WRITE, DDL], object: "finance.*", user: "app_*" }
  - { name: all-but-etl, except: { user: etl } }
  - { name: no-ledger, object: "finance.*", except: { class: WRITE } }
  - { name: ledger-reads, class: READ, object: "finance.ledger" }
  - { name: failures, class: ERROR }
  - { name: logins, class: CONNECT }
`
writeFileSync(config_file, rules)

async function explained(...command_line: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runToEnd(['explain', ...command_line])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

test('says class, command and objects of each statement', async () => {
  const text = await explained('SELECT * FROM account; INSERT INTO finance.ledger VALUES (1)')
  expect(text).toMatch(/statement 1 of 2\n {2}text +SELECT \* FROM account\n {2}class +READ\n/)
  expect(text).toMatch(/ {2}command +SELECT\n {2}why +SelectStmt is READ\. It reads\.\n/)
  expect(text).toMatch(/ {2}objects +public\.account: TABLE, READ, select \(\*\); assumed\n/)
  expect(text).toMatch(/ {2}unknown +public\.account: schema, kind, owner and views; no block/)
  expect(text).toMatch(
    /statement 2 of 2[\s\S]*class +WRITE\n[\s\S]*finance\.ledger: TABLE, WRITE, insert/,
  )
  expect(text).not.toContain('rules')
})

test('says what has made the class stronger than its row of the map', async () => {
  const text = await explained('WITH x AS (DELETE FROM t RETURNING *) SELECT f(b), now() FROM x')
  expect(text).toMatch(/class +WRITE\n {2}command +SELECT\n/)
  expect(text).toMatch(
    /why +SelectStmt is READ\. It reads\.\n +WRITE by public\.t: delete, select\n/,
  )
  expect(text).toContain('now: taken for functions of pg_catalog')
  expect(text).toMatch(/what its code does; behind it are in doubt: settings/)
})

test('says which rules would ask, for what else they ask, and why the others do not', async () => {
  const text = await explained('--config', config_file, 'DELETE FROM finance.ledger')
  expect(text).toMatch(
    / {2}rules +finance-writes: yes, when user is app_\*\n +all-but-etl: yes, unless user is etl\n/,
  )
  expect(text).toMatch(/\n +no-ledger: no, except takes it out\n/)
  expect(text).toMatch(/\n +ledger-reads: no, class is not READ\n/)
  expect(text).toMatch(/\n +failures: yes, if it fails\n +logins: no, class is not CONNECT\n/)
})

test('asks the rules for the user that is named', async () => {
  const asked = ['--config', config_file, '--user', 'etl', 'DELETE FROM finance.ledger'] as const
  const text = await explained(...asked)
  expect(text).toMatch(/finance-writes: no, user is not app_\*\n +all-but-etl: no, except takes it/)
})

test('says what a statement does to its session, and follows it', async () => {
  const text = await explained(
    'SET search_path TO finance, public; CREATE TABLE t (id int); SELECT * FROM t; ROLLBACK; SELECT 1 FROM u',
  )
  expect(text).toMatch(/effects +sets search_path to finance, public/)
  expect(text).toMatch(/effects +creates t: TABLE, DDL, create/)
  expect(text).toMatch(/names +search_path finance, public \(set by statement 1\)/)
  expect(text).toMatch(/objects +finance\.t: TABLE, READ, select/)
  expect(text).toMatch(/objects +public\.u: TABLE, READ, select/)
})

test('says what was prepared, and what nobody has prepared', async () => {
  const text = await explained('PREPARE p AS INSERT INTO t VALUES (1); EXECUTE p; EXECUTE q')
  expect(text).toMatch(/text +EXECUTE p\n {2}class +WRITE\n {2}command +INSERT\n/)
  expect(text).toMatch(/text +EXECUTE q\n {2}class +WRITE\n[\s\S]*what q stands for: no statement/)
})

test('a text may begin with a comment', async () => {
  expect(await explained('-- how much?\nSELECT 1', '--no-catalog')).toContain('class      READ')
  expect(await explained('--', '--SELECT')).toContain('an empty query')
})

test('tells no secret', async () => {
  const text = await explained(`ALTER ROLE bob PASSWORD 'geheim1'; SET my.password TO 'geheim2'`)
  expect(text).not.toContain('geheim')
  expect(text).toMatch(/text +ALTER ROLE bob PASSWORD '<REDACTED>'\n/)
  expect(text).toMatch(/secrets +replaced in the text/)
  expect(text).toMatch(/sets my\.password to <REDACTED>/)
})

test('a replication command, found or asked for', async () => {
  const text = await explained(`BASE_BACKUP (LABEL 'x')`)
  expect(text).toMatch(/^no SQL, but a replication command[\s\S]*class +BACKUP\n/)
  expect(await explained('--replication', 'SHOW data_directory_mode')).toMatch(/why +It shows a/)
  expect(await explained('--replication', 'SELECT 1')).toContain(
    'such a connection reads it as SQL',
  )
})

test('a text that is no SQL, one that is empty, and one of two readings', async () => {
  expect(await explained('SELEC 1')).toMatch(
    /not valid SQL: .*\n.*at least WRITE[\s\S]*class +WRITE/,
  )
  expect(await explained(' ')).toContain('empty query')
  expect(await explained(String.raw`SELECT '\', n FROM t --'; DELETE FROM u`)).toMatch(
    /^reads otherwise where backslashes escape/,
  )
})

test('control characters of the text do not reach the terminal', async () => {
  expect(await explained("SELECT '\u001b[2J'")).not.toContain('\u001b')
})

test('the example of the documentation is what comes of it', async () => {
  const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')
  const [, sql, output] =
    /```sh\nnode dist\/main\.js explain --search-path finance "([^"]+)"\n```\n\n```text\n([\s\S]+?)```/.exec(
      page,
    ) ?? []
  expect(sql).toBeDefined()
  expect(await explained('--search-path', 'finance', sql ?? '')).toBe(output)
})

describe('with a catalog', () => {
  let postgres: ScratchPostgres
  let file: string

  beforeAll(async () => {
    postgres = await startPostgres()
    const client = new pg.Client({ ...account(), database: 'postgres' })
    await client.connect()
    await client.query(`
      CREATE SCHEMA finance; CREATE TABLE finance.ledger (id int, amount int);
      CREATE VIEW finance.totals AS SELECT sum(amount) FROM finance.ledger;
      CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql RETURN 1;
      CREATE ROLE auditor; GRANT SELECT (amount), DELETE ON finance.ledger TO auditor;
      CREATE ROLE app; GRANT USAGE ON SCHEMA finance TO app;
      ALTER ROLE app SET search_path TO finance, pg_catalog`)
    await client.end()
    file = join(directory, 'catalog.yaml')
    writeFileSync(join(directory, 'password'), postgres.password, { mode: 0o600 })
    writeFileSync(
      file,
      `${rules}upstream: { host: "${postgres.host}", port: ${postgres.port} }
catalog: { user: postgres, password_file: "${join(directory, 'password')}" }
object_audit: { role: auditor }
`,
    )
  })

  afterAll(async () => {
    await postgres.stop()
  })

  const account = () => ({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
  })

  test('says where each name was found, whose it is, and by which grant it is audited', async () => {
    const text = await explained('--config', file, '--user', 'app', 'SELECT * FROM totals')
    expect(text).toMatch(
      /objects +finance\.totals: VIEW, READ, select \(\*\);[^\n]*in the catalog\n/,
    )
    expect(text).toMatch(
      / finance\.ledger: TABLE, READ, select; via finance\.totals; owner postgres; in the catalog; audited: SELECT on column amount to auditor\n/,
    )
    expect(text).toMatch(/names +search_path finance, pg_catalog \(from the catalog\)\n/)
    expect(text).toMatch(/role app; database postgres of 127\.0\.0\.1:\d+\n/)
    expect(text).toMatch(/ledger-reads: yes\n/)
    expect(text).not.toContain('unknown')
  })

  test('follows the session: new objects, other paths, doubts', async () => {
    const sql =
      'CREATE TABLE public.ledger (n int); SET search_path TO public; DELETE FROM ledger; SELECT * FROM nothing; DO $$ BEGIN END $$; SELECT n FROM ledger'
    const text = await explained('--config', file, '--user', 'app', sql)
    expect(text).toMatch(/objects +public\.ledger: TABLE, WRITE, delete;[^\n]*in the catalog/)
    expect(text).toMatch(
      /nothing: TABLE, READ, select \(\*\); not found; audited, as no grant rules it out\n/,
    )
    expect(text).toMatch(/unknown +nothing: not in the catalog under this search_path\n/)
    expect(text).toMatch(/names +search_path public \(set by statement 2; in doubt since\)\n/)
    expect(text).toMatch(/public\.ledger: TABLE, READ, select \(n\);[^\n]*assumed/)
  })

  test('says that only the catalog knows of a function with a built-in name', async () => {
    const path = ['--search-path', 'public, pg_catalog'] as const
    const text = await explained('--config', file, ...path, 'SELECT lower(a) FROM finance.ledger')
    expect(text).toMatch(/class +FUNCTION\n[\s\S]*FUNCTION by public\.lower: execute\n/)
    expect(text).toContain('only the catalog tells of that call')
  })

  test('goes without a catalog that it is told to leave, or cannot read', async () => {
    const text = await explained('--config', file, '--no-catalog', 'SELECT * FROM totals')
    expect(text).toMatch(/unknown +public\.totals: schema, [^\n]* the catalog was left unread\n/)
    const other = await explained('--config', file, '--database', 'no_such', 'SELECT * FROM totals')
    expect(other).toMatch(/^the catalog could not be read: .*no_such/)
    expect(other).toMatch(/objects +public\.totals: TABLE, READ, select \(\*\); assumed/)
  })
})
