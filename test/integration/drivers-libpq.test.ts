import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { runTool, versionOf } from '../support/client-tools.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import {
  linesOf,
  linesOfEnded,
  recordsOfEnded,
  type StatementLine,
} from '../support/statement-lines.js'

const with_tls = opensslInstalled()
const psql = versionOf('psql')
const pgbench = versionOf('pgbench')
let postgres: ScratchPostgres
let plain: ProxyUnderTest
let secured: ProxyUnderTest | undefined
let ca = ''
let scratch = ''

beforeAll(async () => {
  postgres = await startPostgres()
  plain = await startProxy(postgres)
  scratch = mkdtempSync(join(tmpdir(), 'pgwitness-libpq-'))
  if (with_tls) {
    const files = makeCertificates()
    ca = files.ca
    const tls = { mode: 'require', cert: files.cert, key: files.key }
    secured = await startProxy(postgres, { listen: { tls } })
  }
  const client = await plain.client()
  await client.query('CREATE TABLE item (id int PRIMARY KEY, name text)')
  await client.query("INSERT INTO item VALUES (1, 'one'), (2, NULL)")
  await client.query('CREATE TABLE tally (id int, step int)')
  await client.end()
})

afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  await secured?.stop()
  await plain.stop()
  await postgres.stop()
})

/** The major version that a program of PostgreSQL tells, 0 where it is not installed. */
function majorOf(version: string | undefined): number {
  return Number(/\(PostgreSQL\) (\d+)/.exec(version ?? '')?.[1] ?? 0)
}

const ways = [['plain', false], ...(with_tls ? [['TLS', true] as const] : [])] as const

function proxyOf(tls: boolean): ProxyUnderTest {
  return tls && secured !== undefined ? secured : plain
}

/** libpq's own variables, so that every program of it goes the same way. */
function environment(application: string, tls: boolean): Record<string, string> {
  return {
    PGHOST: tls ? 'localhost' : '127.0.0.1',
    PGPORT: `${proxyOf(tls).port}`,
    PGUSER: 'postgres',
    PGDATABASE: 'postgres',
    PGPASSWORD: postgres.password,
    PGAPPNAME: application,
    ...(tls ? { PGSSLMODE: 'verify-full', PGSSLROOTCERT: ca } : { PGSSLMODE: 'disable' }),
  }
}

if (psql === undefined) it.skip('psql (not installed)')
if (pgbench === undefined) it.skip('pgbench (not installed)')
if (!with_tls) it.skip('over TLS (openssl is not installed)')

const psql_script = [
  'SELECT 1 AS one;',
  'SELECT \'a;b\' AS "x;y" \\; SELECT 2 AS two;',
  "\\copy (SELECT 1, 'x') TO STDOUT",
  'COPY item FROM STDIN;\n3\tthree\n4\t\\N\n\\.',
  'SELECT * FROM no_such_table;',
  'SELEC;',
  'BEGIN;',
  '\\set ON_ERROR_ROLLBACK on',
  'INSERT INTO item VALUES (5);',
  'INSERT INTO item VALUES (5);',
  'ROLLBACK;',
  '\\set AUTOCOMMIT off',
  'DELETE FROM item WHERE id > 2;',
  'COMMIT;',
  '\\set AUTOCOMMIT on',
  '\\set FETCH_COUNT 2',
  'SELECT * FROM generate_series(1, 3) AS n;',
  '\\unset FETCH_COUNT',
  "SELECT format('SELECT %s', n) FROM generate_series(7, 8) AS n \\gexec",
  'SELECT id, name FROM item WHERE id = 9 \\gdesc',
  '-- only a comment',
]

const psql_savepoint: StatementLine = ['SAVEPOINT pg_psql_temporary_savepoint', 'success', null]
const psql_release: StatementLine = ['RELEASE pg_psql_temporary_savepoint', 'success', null]

/** FETCH_COUNT was a cursor until psql 17, which reads rows by chunks of libpq. */
const psql_fetch_count: readonly StatementLine[] =
  majorOf(psql) >= 17
    ? [['SELECT * FROM generate_series(1, 3) AS n', 'success', 3]]
    : [
        ['BEGIN', 'success', null],
        [
          'DECLARE _psql_cursor NO SCROLL CURSOR FOR\nSELECT * FROM generate_series(1, 3) AS n',
          'success',
          null,
        ],
        ['FETCH FORWARD 2 FROM _psql_cursor', 'success', 2],
        ['FETCH FORWARD 2 FROM _psql_cursor', 'success', 1],
        ['CLOSE _psql_cursor', 'success', null],
        ['COMMIT', 'success', null],
      ]

const psql_lines: readonly StatementLine[] = [
  ['SELECT 1 AS one', 'success', 1],
  ['SELECT \'a;b\' AS "x;y"', 'success', 1],
  ['SELECT 2 AS two', 'success', 1],
  ["COPY  ( SELECT 1, 'x' ) TO STDOUT", 'success', 1],
  ['COPY item FROM STDIN', 'success', 2],
  ['SELECT * FROM no_such_table', '42P01', null],
  ['SELEC;', '42601', null],
  ['BEGIN', 'success', null],
  psql_savepoint,
  ['INSERT INTO item VALUES (5)', 'success', 1],
  psql_release,
  psql_savepoint,
  ['INSERT INTO item VALUES (5)', '23505', null],
  ['ROLLBACK TO pg_psql_temporary_savepoint', 'success', null],
  psql_savepoint,
  ['ROLLBACK', 'success', null],
  ['BEGIN', 'success', null],
  psql_savepoint,
  ['DELETE FROM item WHERE id > 2', 'success', 2],
  psql_release,
  psql_savepoint,
  ['COMMIT', 'success', null],
  ...psql_fetch_count,
  ["SELECT format('SELECT %s', n) FROM generate_series(7, 8) AS n", 'success', 2],
  ['SELECT 7', 'success', 1],
  ['SELECT 8', 'success', 1],
  // Described and never executed; psql then has the server format the names of the types.
  ['SELECT id, name FROM item WHERE id = 9', 'prepared', null],
  [expect.stringMatching(/^SELECT name AS "Column", pg_catalog\.format_type/), 'success', 2],
]

describe.skipIf(psql === undefined).each(ways)('psql, %s', (name, tls) => {
  it('leaves one record for each statement of a script', async () => {
    const application = `psql script ${name}`
    const output = await runTool(
      'psql',
      ['-X', '-q', '-f', '-'],
      environment(application, tls),
      `${psql_script.join('\n')}\n`,
    )
    expect(output.stderr).toContain('relation "no_such_table" does not exist')
    expect(output.code).toBe(0)
    expect(await linesOfEnded(proxyOf(tls), application)).toEqual(psql_lines)
  })

  it('leaves those that a meta command asks, each once', async () => {
    const application = `psql describe ${name}`
    const output = await runTool(
      'psql',
      ['-X', '-E', '-c', '\\d item'],
      environment(application, tls),
    )
    expect(output.stdout).toContain('"item_pkey" PRIMARY KEY')
    // psql shows by -E what it asks.
    const shown = [...output.stdout.matchAll(/^\*+ QUERY \*+\n(.*?);?\n\*+$/gms)].map(([, text]) =>
      text?.trimEnd(),
    )
    expect(shown.length).toBeGreaterThan(3)
    const records = await recordsOfEnded(proxyOf(tls), application)
    expect(records.map(({ statement }) => statement?.text)).toEqual(shown)
    expect(records.map(({ outcome }) => outcome)).toEqual(shown.map(() => 'success'))
    expect(records.map(({ session }) => session?.['tls'])).toEqual(
      shown.map(() => (tls ? 'TLSv1.3' : undefined)),
    )
  })
})

/** Runs a script by pgbench: two clients, each three times. */
async function bench(mode: string, tls: boolean, application: string, script: readonly string[]) {
  const file = join(scratch, 'script.sql')
  writeFileSync(file, `${script.join('\n')}\n`)
  const output = await runTool(
    'pgbench',
    ['-n', '-M', mode, '-c', '2', '-t', '3', '-f', file],
    environment(application, tls),
  )
  expect(output).toMatchObject({ code: 0 })
}

/** What each client of pgbench did, in the order of their numbers. */
async function linesByClient(tls: boolean, application: string): Promise<StatementLine[][]> {
  // One session more than clients: pgbench looks at the server first.
  const records = await recordsOfEnded(proxyOf(tls), application, 3)
  const ids = new Set(records.map(({ session }) => session?.['id']))
  const sessions = [...ids].map((id) =>
    linesOf(records.filter(({ session }) => session?.['id'] === id)),
  )
  const inserted = (lines: StatementLine[]) => JSON.stringify(lines[1])
  return sessions.sort((a, b) => (inserted(a) < inserted(b) ? -1 : 1))
}

/** Three rounds of a client of pgbench. */
function rounds(client: number, mode: string): readonly StatementLine[] {
  const round: readonly StatementLine[] =
    mode === 'simple'
      ? [
          ['BEGIN', 'success', null],
          [`INSERT INTO tally VALUES (${client}, 7)`, 'success', 1],
          [`UPDATE tally SET step = step + 1 WHERE id = ${client} AND step = -1`, 'success', 0],
          ['END', 'success', null],
          ['SELECT count(*) FROM item WHERE id = 7', 'success', 1],
        ]
      : [
          ['BEGIN', 'success', null],
          ['INSERT INTO tally VALUES ($1, $2)', 'success', 1, [`${client}`, '7']],
          [
            'UPDATE tally SET step = step + 1 WHERE id = $1 AND step = -1',
            'success',
            0,
            [`${client}`],
          ],
          ['END', 'success', null],
          ['SELECT count(*) FROM item WHERE id = $1', 'success', 1, ['7']],
        ]
  return [...round, ...round, ...round]
}

describe.skipIf(pgbench === undefined).each(ways)('pgbench, %s', (name, tls) => {
  const script = [
    '\\set step 7',
    'BEGIN;',
    'INSERT INTO tally VALUES (:client_id, :step);',
    'UPDATE tally SET step = step + 1 WHERE id = :client_id AND step = -1;',
    'END;',
    'SELECT count(*) FROM item WHERE id = :step;',
  ]

  it.each(['simple', 'extended', 'prepared'])('leaves each statement by -M %s', async (mode) => {
    const application = `pgbench ${mode} ${name}`
    await bench(mode, tls, application, script)
    expect(await linesByClient(tls, application)).toEqual([rounds(0, mode), rounds(1, mode)])
  })

  // Pipelines came with pgbench 14.
  it.skipIf(majorOf(pgbench) < 14).each(['extended', 'prepared'])(
    'leaves each statement of a pipeline by -M %s',
    async (mode) => {
      const application = `pgbench pipeline ${mode} ${name}`
      await bench(mode, tls, application, ['\\startpipeline', ...script, '\\endpipeline'])
      expect(await linesByClient(tls, application)).toEqual([rounds(0, mode), rounds(1, mode)])
    },
  )
})
