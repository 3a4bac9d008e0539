import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { csv_columns } from '../../src/record/csv-format.js'
import { Batch } from '../../src/trail/batch.js'
import { real_disk } from '../../src/trail/disk.js'
import { ServerLogSink } from '../../src/trail/server-log-sink.js'
import { SystemWriterClock } from '../../src/trail/writer-clock.js'
import { readCsv } from '../record/read-csv.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type Block, blocksOf } from './page-blocks.js'
import { type SampleTrail, trail_records, writeSampleTrail } from './sample-trail.js'

/** Those of `pgwitness tail` are run by test/cli/tail.test.ts. */
const blocks = blocksOf('docs/reading.md').filter(
  ({ heading }) => heading !== 'With pgwitness tail',
)
const documented_directory = '/var/lib/pgwitness/audit'
const headings = {
  jq: 'With jq',
  foreign_table: 'CSV: a foreign table over the file',
  table: 'CSV: a table of its own',
  json: 'JSON: into a jsonb column',
  server_log: 'Records in the server log',
  altered: 'Has a closed file been altered?',
} as const

let json: SampleTrail
let csv: SampleTrail

beforeAll(async () => {
  json = await writeSampleTrail('json')
  csv = await writeSampleTrail('csv')
})

afterAll(() => {
  json.remove()
  csv.remove()
})

function blocksBelow(heading: string, language: string): readonly Block[] {
  return blocks.filter((block) => block.heading === heading && block.language === language)
}

function installed(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0
}

function auditFilesIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
}

function linesOf(directory: string): readonly string[] {
  return auditFilesIn(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'),
  )
}

/** Runs a block of shell in a directory and gives what it printed, line by line. */
function runShell(block: Block | undefined, directory: string): readonly string[] {
  // Following a file has no end; the first part of what it prints is the same.
  const script = (block?.text ?? 'exit 9').replace('tail -n +1 -F', 'tail -n +1')
  const printed = execFileSync('/bin/bash', ['-euo', 'pipefail', '-c', script], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return printed === '' ? [] : printed.trimEnd().split('\n')
}

/** A copy of the JSON trail in which one record is missing. */
function withoutOneRecord(): SampleTrail & { readonly missing: number } {
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-gap-'))
  cpSync(json.directory, directory, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  const [first = ''] = auditFilesIn(directory)
  const lines = readFileSync(join(directory, first), 'utf8').split('\n')
  const [removed = '{}'] = lines.splice(2, 1)
  writeFileSync(join(directory, first), lines.join('\n'))
  const { seq }: { readonly seq: number } = JSON.parse(removed)
  return { directory, missing: seq, remove: () => rmSync(directory, { recursive: true }) }
}

test('the page has the recipes that are run here, and no others', () => {
  const counts = blocks.map(({ heading, language }) => `${heading}: ${language}`)
  expect(counts).toEqual([
    ...Array.from({ length: 5 }, () => `${headings.jq}: sh`),
    // Those, and the two of shipping, are tried in investigation.test.ts.
    ...Array.from({ length: 3 }, () => 'An investigation: sh'),
    ...Array.from({ length: 3 }, () => 'An investigation: sql'),
    ...Array.from({ length: 3 }, () => `${headings.foreign_table}: sql`),
    `${headings.table}: sql`,
    `${headings.json}: sql`,
    `${headings.json}: psql`,
    ...Array.from({ length: 4 }, () => `${headings.json}: sql`),
    ...Array.from({ length: 2 }, () => 'Shipping: yaml'),
    `${headings.server_log}: sh`,
    'Was the trail altered?: sh',
    `${headings.altered}: sh`,
  ])
})

describe.skipIf(!installed('jq'))('recipes for jq', () => {
  const [follow, one_table, failures, rows, gaps] = blocksBelow(headings.jq, 'sh')

  test('what happens now', () => {
    const last = auditFilesIn(json.directory).at(-1) ?? ''
    const lines = readFileSync(join(json.directory, last), 'utf8').trimEnd().split('\n')
    const printed = runShell(follow, json.directory)
    expect(printed).toHaveLength(lines.length)
    expect(printed.at(-1)).toContain('AUDIT\taudit.seal')
  })

  test('who touched one table', () => {
    const printed = runShell(one_table, json.directory)
    const time = '2026-11-21T22:06:01.123456Z'
    expect(printed).toContain(`${time}\tappuser\t198.51.100.7\tSELECT\tSELECT * FROM account`)
    expect(printed.length).toBeLessThan(trail_records.length)
  })

  test('everything that failed', () => {
    const failed = trail_records.filter(({ outcome }) => outcome === 'failure')
    const printed = runShell(failures, json.directory)
    expect(failed.length).toBeGreaterThan(1)
    expect(printed).toHaveLength(failed.length)
    expect(printed.join('\n')).toContain('no pg_hba.conf entry')
  })

  test('rows by user and table', () => {
    expect(runShell(rows, json.directory)).toContain(
      'O\'Hara, "Jr"\tREAD\t"my, schema"."a ""b"""\t12',
    )
  })

  test('missing numbers', () => {
    expect(runShell(gaps, json.directory)).toEqual([])
    const gap = withoutOneRecord()
    const { missing } = gap
    expect(runShell(gaps, gap.directory)).toEqual([`epoch 1: ${missing} to ${missing}`])
    gap.remove()
  })

  test('an altered file', () => {
    const [compare] = blocksBelow(headings.altered, 'sh')
    const files = auditFilesIn(json.directory)
    expect(files.length).toBeGreaterThan(1)
    const closed = files.slice(0, -1).map((name) => `${name}: OK`)
    expect(runShell(compare, json.directory)).toEqual(closed)
    const gap = withoutOneRecord()
    expect(() => runShell(compare, gap.directory)).toThrow(/did NOT match/)
    gap.remove()
  })
})

test('records are cut out of the server log as they are', () => {
  const [cut] = blocksBelow(headings.server_log, 'sh')
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-log-'))
  const path = join(directory, 'server.log')
  writeFileSync(path, '{"level":30,"time":1,"pid":1,"msg":"an ordinary line"}\n')
  const sink = new ServerLogSink(
    { target: { path }, format: 'json', patience_ms: 1_000, must_sync: false },
    real_disk,
    new SystemWriterClock(),
  )
  const batch = new Batch('json', { trail: 'sample', epoch: 1 })
  const lines = linesOf(json.directory).slice(0, 5)
  for (const [index, line] of lines.entries()) {
    batch.addHead(line.replace(/^.*?"seq":\d+,/, ''), index + 1)
  }
  const records = batch.bytes.toString()
  sink.open()
  sink.write(batch)
  sink.close()
  expect(`${runShell(cut, directory).join('\n')}\n`).toBe(records)
  rmSync(directory, { recursive: true })
})

describe('recipes for PostgreSQL', () => {
  let postgres: ScratchPostgres
  let client: pg.Client

  beforeAll(async () => {
    postgres = await startPostgres()
    const { host, port, superuser: user, password } = postgres
    client = new pg.Client({ host, port, user, password, database: 'postgres' })
    await client.connect()
  })

  afterAll(async () => {
    await client.end()
    await postgres.stop()
  })

  async function runSql(block: Block | undefined, trail: SampleTrail): Promise<pg.QueryResult> {
    const text = block?.text.replaceAll(documented_directory, trail.directory) ?? ''
    return await client.query(text)
  }

  /** What the rows of the CSV files are, by our own reader. */
  function csvRows(names: readonly string[]): readonly (readonly (string | null)[])[] {
    return names.flatMap((name) =>
      // The reader takes a last line end for the beginning of one more row.
      readCsv(readFileSync(join(csv.directory, name), 'utf8').slice(0, -1)),
    )
  }

  test('CSV: a foreign table over one file, and over all', async () => {
    const [create, query, all] = blocksBelow(headings.foreign_table, 'sql')
    await runSql(create, csv)
    await runSql(all, csv)
    const result = await runSql(query, csv)
    expect(result.fields.map(({ name }) => name)).toContain('command_tag')
    const names = auditFilesIn(csv.directory)
    expect(names.length).toBeGreaterThan(1)
    const loaded = await client.query<Record<string, string>>('SELECT * FROM audit_log_all')
    expect(loaded.fields.map(({ name }) => name)).toEqual(csv_columns)
    const expected = csvRows(names)
    expect(loaded.rows).toHaveLength(expected.length)
    const texts = (rows: readonly unknown[]) => rows.map(String).sort()
    expect(texts(loaded.rows.map(({ sql }) => sql))).toEqual(texts(expected.map((row) => row[16])))
    const sent = trail_records.map(({ statement }) => statement?.text ?? null)
    const stored = new Set(loaded.rows.map(({ sql }) => sql))
    expect(sent.filter((text) => !stored.has(text as string))).toEqual([])
    const current = await client.query('SELECT count(*)::int AS rows FROM audit_log')
    expect(current.rows).toEqual([{ rows: csvRows(names.slice(-1)).length }])
  })

  test('CSV: a table of its own', async () => {
    const [load] = blocksBelow(headings.table, 'sql')
    await runSql(load, csv)
    const loaded = await client.query('SELECT header, class, sql FROM audit_loaded')
    expect(loaded.rows).toHaveLength(csvRows(auditFilesIn(csv.directory).slice(-1)).length)
  })

  describe('JSON', () => {
    const [create, view, one_table, refused, gaps] = blocksBelow(headings.json, 'sql')
    const [copy] = blocksBelow(headings.json, 'psql')

    test('one file by COPY', async () => {
      await runSql(create, json)
      const last = auditFilesIn(json.directory).at(-1) ?? ''
      const lines = readFileSync(join(json.directory, last), 'utf8').trimEnd().split('\n')
      const loaded = await client.query<{ line: unknown }>('SELECT line FROM audit_json')
      expect(loaded.rows.map(({ line }) => line)).toEqual(lines.map((line) => JSON.parse(line)))
    })

    test.skipIf(!installed('psql'))('all files from a client, by psql', async () => {
      await client.query('TRUNCATE audit_json')
      const { host, port, superuser, password } = postgres
      const command = copy?.text.trim().replaceAll(documented_directory, json.directory) ?? ''
      execFileSync('psql', ['-X', '-v', 'ON_ERROR_STOP=1', '-c', command], {
        env: {
          ...process.env,
          PGHOST: host,
          PGPORT: `${port}`,
          PGUSER: superuser,
          PGPASSWORD: password,
          PGDATABASE: 'postgres',
        },
      })
      const loaded = await client.query<{ line: unknown }>('SELECT line FROM audit_json')
      const lines = linesOf(json.directory).map((line) => JSON.parse(line))
      expect(loaded.rows.map(({ line }) => line)).toEqual(lines)
    })

    test('the view, and what is asked of it', async () => {
      const text =
        "COPY audit_json FROM PROGRAM 'cat DIR/audit-*.log' (FORMAT csv, QUOTE e'\\x01', "
      const load = `${text}DELIMITER e'\\x02')`.replace('DIR', json.directory)
      // Twice: a repeat after a diversion must not count.
      await client.query('TRUNCATE audit_json')
      await client.query(load)
      await client.query(load)
      await runSql(view, json)
      const records = await client.query('SELECT count(*)::int AS records FROM audit')
      expect(records.rows).toEqual([{ records: linesOf(json.directory).length }])

      const touched = await runSql(one_table, json)
      expect(touched.rows).toContainEqual(
        expect.objectContaining({ user_name: 'appuser', sql: 'SELECT * FROM account' }),
      )
      const logins = await runSql(refused, json)
      expect(logins.rows).toContainEqual(expect.objectContaining({ user_name: 'testuser' }))
      expect((await runSql(gaps, json)).rows).toEqual([])
      await client.query("DELETE FROM audit_json WHERE line->>'seq' = '3'")
      expect((await runSql(gaps, json)).rows).toEqual([
        { epoch: '1', first_missing: '3', last_missing: '3' },
      ])
    })
  })
})
