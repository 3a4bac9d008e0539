import { chmodSync, copyFileSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy } from '../support/proxy.js'

/** Statements that a line-oriented or comma-separated file can trip over. */
const awkward_texts = [
  `SELECT 'a "quoted" word', 'and ''another'', with commas, too' AS t`,
  "SELECT 'first line\nsecond line\r\nthird line'",
  String.raw`SELECT E'back\\slash \n and \t', 'c:\dir', '\.'`,
  '\\.\n',
  'SELECT 1 AS "a ""column"", quoted"',
  `SELECT 'tab\there', '\u0001\u007f\u0085', '\u2028', '\u00e9\u20ac\u{1f600}'`,
  `SELECT length('${'x,"\n\\'.repeat(262_144 / 4 + 10).replaceAll("'", '')}')`,
]

let postgres: ScratchPostgres
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres()
  admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await admin.connect()
})

afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

/** Runs the awkward statements and an audited object through a proxy; gives the trail's files. */
async function makeTrail(format: 'json' | 'csv'): Promise<string[]> {
  const proxy = await startProxy(postgres, {
    audit: { format },
    rules: [{ name: 'all', class: ['READ', 'WRITE', 'DDL', 'CONNECT', 'ERROR'] }],
    object_audit: { role: 'auditor' },
  })
  const client = await proxy.client({ application_name: 'app, "with" commas\n' })
  for (const text of awkward_texts) await client.query(text).catch(() => {})
  await client.query('SELECT * FROM "Odd, ""schema"""."a,table"')
  await client.query('SELECT $1::text, $2::text, $3::text', ['a,"b"', null, ''])
  await client.end()
  await proxy.stop()
  // The server's user must be able to read copies of what only we may read.
  const copies = mkdtempSync(join(tmpdir(), 'pgwitness-copies-'))
  chmodSync(copies, 0o755)
  return readdirSync(proxy.directory)
    .filter((name) => /^audit-.*\.log$/.test(name))
    .map((name) => {
      const copy = join(copies, name)
      copyFileSync(join(proxy.directory, name), copy)
      chmodSync(copy, 0o644)
      return copy
    })
}

describe('the trail in PostgreSQL', () => {
  beforeAll(async () => {
    await admin.query('CREATE ROLE auditor')
    await admin.query('CREATE SCHEMA "Odd, ""schema"""')
    await admin.query('CREATE TABLE "Odd, ""schema"""."a,table" (n int)')
    await admin.query('GRANT SELECT ON "Odd, ""schema"""."a,table" TO auditor')
  })

  it('loads whole as CSV, by COPY and by file_fdw', async () => {
    const files = await makeTrail('csv')
    const columns = [
      'header text, class text, sql_start_time timestamptz, remote_host_name text',
      'backend_process_id text, application_name text, session_user_name text, database_name text',
      'virtual_transaction_id text, statement_id text, substatement_id text, command_tag text',
      'sqlstate text, object_type text, object_name text, error_message text, sql text, parameter text',
    ].join(', ')
    await admin.query(`CREATE TABLE audit_csv (${columns})`)
    await admin.query('CREATE EXTENSION file_fdw')
    await admin.query('CREATE SERVER audit FOREIGN DATA WRAPPER file_fdw')
    for (const [index, file] of files.entries()) {
      await admin.query(`COPY audit_csv FROM '${file}' (FORMAT csv)`)
      await admin.query(
        `CREATE FOREIGN TABLE audit_file_${index} (${columns}) SERVER audit OPTIONS (filename '${file}', format 'csv')`,
      )
      const { rows } = await admin.query(`SELECT count(*)::int AS n FROM audit_file_${index}`)
      expect(rows[0].n).toBeGreaterThan(0)
    }
    const { rows } = await admin.query(
      "SELECT sql FROM audit_csv WHERE header = 'AUDIT: SESSION' AND sql IS NOT NULL",
    )
    const loaded = new Set(rows.map((row: { sql: string }) => row.sql.trim()))
    for (const text of awkward_texts) {
      // A text that the grammar refuses keeps its blanks; all others lose those at their ends.
      expect(loaded).toContain(text.trim())
    }
    const objects = await admin.query(
      "SELECT object_name, class FROM audit_csv WHERE header = 'AUDIT: OBJECT'",
    )
    expect(objects.rows).toEqual([{ object_name: '"Odd, ""schema"""."a,table"', class: 'READ' }])
    const names = await admin.query(
      "SELECT DISTINCT application_name FROM audit_csv WHERE application_name LIKE 'app%'",
    )
    expect(names.rows.length).toBeGreaterThan(0)
  })

  it('loads whole as JSON into a jsonb column', async () => {
    const files = await makeTrail('json')
    await admin.query('CREATE TABLE audit_json (record jsonb)')
    for (const file of files) {
      await admin.query(
        `COPY audit_json FROM '${file}' (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`,
      )
    }
    const { rows } = await admin.query(
      "SELECT record->'statement'->>'text' AS sql FROM audit_json WHERE record ? 'statement' ORDER BY (record->>'seq')::int",
    )
    const loaded = rows.map((row: { sql: string }) => row.sql.trim())
    for (const text of awkward_texts) expect(loaded).toContain(text.trim())
    const parameters = await admin.query(
      "SELECT record->'parameters' AS p FROM audit_json WHERE record ? 'parameters'",
    )
    expect(parameters.rows).toEqual([{ p: ['a,"b"', null, ''] }])
    const gaps = await admin.query(
      "SELECT count(*)::int AS records, max((record->>'seq')::int) AS last FROM audit_json",
    )
    expect(gaps.rows[0].records).toBe(gaps.rows[0].last)
  })
})
