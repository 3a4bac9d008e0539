import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as catalog_queries from '../../src/catalog/catalog-queries.js'
import { SideConnection } from '../../src/catalog/side-connection.js'
import { catalog_relations } from '../../src/cli/setup-role-sql.js'
import { readTrail } from '../../src/trail/read-trail.js'
import { blocksOf } from '../docs/page-blocks.js'
import { type SampleTrail, writeSampleTrail } from '../docs/sample-trail.js'
import { runTool, versionOf } from '../support/client-tools.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { runToEnd } from './spawn-cli.js'

const main_file = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const without_psql = versionOf('psql') === undefined
const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-setup-'))
const quiet = { warn: () => {}, info: () => {} }
let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres()
})

afterAll(async () => {
  await postgres.stop()
  fs.rmSync(scratch, { recursive: true })
})

/** Runs a script by psql as the superuser; gives its rows. */
async function run(script: string, database = 'postgres'): Promise<string> {
  const { code, stdout, stderr } = await runTool(
    'psql',
    ['-XAtq', '-f', '-', '-d', database],
    {
      ...{ PGHOST: postgres.host, PGPORT: String(postgres.port), PGUSER: 'postgres' },
      ...{ PGPASSWORD: postgres.password, PGOPTIONS: '-c client_min_messages=warning' },
    },
    script,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function printed(...flags: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runToEnd(['setup-sql', ...flags])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

test('the catalogs that are granted are those that the queries read', () => {
  const of_versions = [120_000, 170_000].map(catalog_queries.membershipsQuery)
  const of_roles = [[10], [20_000]].flatMap((oids) => [
    catalog_queries.columnsQuery(oids),
    catalog_queries.fingerprintQuery(oids),
  ])
  const texts = Object.values(catalog_queries).filter((one) => typeof one === 'string')
  const all = [...texts, ...of_versions, ...of_roles].join('\n')
  const read = [...all.matchAll(/\b(?:from|join)\s+pg_catalog\.(\w+)\b(?!\()/g)].map(
    ([, name]) => name,
  )
  // Of PostgreSQL's own words `pg_catalog, name` is the second table of a list.
  const listed = [...all.matchAll(/, pg_catalog\.(pg_\w+) \w\b/g)].map(([, name]) => name)
  expect([...new Set([...read, ...listed])].toSorted()).toEqual([...catalog_relations])
})

describe.skipIf(without_psql)('the role of the side connection (skips without psql)', () => {
  const password = 'it\'s a \\ "secret" $1'
  const set_password = `\\set password \`cat ${scratch}/password\`\n`

  function sideConnection(user: string, database: string): SideConnection {
    const { host, port } = postgres
    return new SideConnection({ host, port, user, password }, database, quiet)
  }

  test('reads all that the catalog queries ask for, though nobody else may', async () => {
    fs.writeFileSync(join(scratch, 'password'), password)
    // A server where what everybody may do by default was taken away.
    await run('CREATE DATABASE hardened')
    await run('REVOKE CONNECT ON DATABASE hardened FROM PUBLIC; CREATE TABLE t (a int)', 'hardened')
    for (const name of catalog_relations) {
      await run(`REVOKE ALL ON pg_catalog.${name} FROM PUBLIC`, 'hardened')
    }
    await run('CREATE ROLE plain LOGIN')
    const script = await printed('--role', 'Odd "name"')
    await run(set_password + script, 'hardened')
    const side = sideConnection('Odd "name"', 'hardened')
    try {
      // With a role for object auditing the grants of columns are read as well.
      const { snapshot } = await side.load(undefined, 'plain')
      expect(snapshot.relation_count).toBeGreaterThan(50)
      expect(snapshot.roles.has('plain')).toBe(true)
      expect((await side.load(snapshot, 'postgres')).snapshot.roles.has('plain')).toBe(true)
    } finally {
      await side.close()
    }
    const refused = sideConnection('plain', 'hardened')
    await expect(refused.load(undefined, undefined)).rejects.toThrow()
    await refused.close()
    await run('DROP DATABASE hardened')
  })

  test('may do nothing else', async () => {
    const script = await printed()
    const before = await run(grants)
    await run(set_password + script)
    await run(script)
    // On a server as it was installed there is nothing to grant.
    expect(await run(grants)).toBe(before)
    const attributes = `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
      (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid), rolconfig
      FROM pg_roles r WHERE rolname = 'pgwitness'`
    expect(await run(attributes)).toBe('f|f|f|f|f|0|{default_transaction_read_only=on}\n')
    const client = new pg.Client({
      ...{ host: postgres.host, port: postgres.port, user: 'pgwitness', password },
      database: 'postgres',
    })
    await client.connect()
    await expect(client.query('CREATE TABLE mine (a int)')).rejects.toThrow('read-only')
    await expect(client.query('SELECT FROM pg_authid')).rejects.toThrow('permission denied')
    await client.end()
  })

  /** Everything that was granted in the database, to whomever. */
  const grants = `
    SELECT relname, relacl FROM pg_class WHERE relacl IS NOT NULL UNION ALL
    SELECT nspname, nspacl FROM pg_namespace UNION ALL
    SELECT datname, datacl FROM pg_database ORDER BY 1`

  test('is made by the command of docs/running.md', async () => {
    const [block] = blocksOf('docs/running.md').filter(
      ({ heading }) => heading === 'The role of the side connection',
    )
    const bin = join(scratch, 'role-bin')
    fs.mkdirSync(bin)
    // Of the test run itself, and no key of ours.
    const shim = `#!/bin/sh\nunset PGWITNESS_TEMPLATES\nexec '${process.execPath}' '${main_file}' "$@"\n`
    fs.writeFileSync(join(bin, 'pgwitness'), shim, { mode: 0o755 })
    fs.writeFileSync(join(scratch, 'catalog-password'), 'by the page')
    const { code, stderr } = await runTool('/bin/bash', ['-c', `cd ${scratch}\n${block?.text}`], {
      ...{ PGHOST: postgres.host, PGPORT: String(postgres.port), PGUSER: 'postgres' },
      ...{ PGPASSWORD: postgres.password, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { host, port } = postgres
    const client = new pg.Client({
      ...{ host, port, user: 'pgwitness', password: 'by the page', database: 'postgres' },
    })
    await client.connect()
    await client.end()
  })

  test('is refused when it exists and may do more', async () => {
    await run('CREATE ROLE mighty CREATEDB')
    const script = await printed('--role', 'mighty')
    const { code, stderr } = await runTool(
      'psql',
      ['-Xq', '-f', '-', '-d', 'postgres'],
      {
        ...{ PGHOST: postgres.host, PGPORT: String(postgres.port), PGUSER: 'postgres' },
        PGPASSWORD: postgres.password,
      },
      script,
    )
    expect(code).toBe(3)
    expect(stderr).toContain('may do more than read the catalog')
    expect(await run("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'mighty'")).toBe('f\n')
  })

  test('is named by the configuration, and no password is printed', async () => {
    const { status, stdout } = await runToEnd(['setup-sql'], {
      ...{ PGWITNESS_CATALOG_USER: 'from_config', PGPASSWORD: 'never shown' },
    })
    expect(status).toBe(0)
    expect(stdout).toContain("\\set role 'from_config'\n")
    expect(stdout).not.toContain('never shown')
  })
})

describe.skipIf(without_psql)('the landing table (skips without psql)', () => {
  let trail: SampleTrail
  let bin: string

  beforeAll(async () => {
    trail = await writeSampleTrail('json')
    bin = join(scratch, 'bin')
    fs.mkdirSync(bin)
    // The command of the recipe, as an installed package has it.
    fs.writeFileSync(
      join(bin, 'pgwitness'),
      `#!/bin/sh\nexec '${process.execPath}' '${main_file}' "$@"\n`,
    )
    fs.chmodSync(join(bin, 'pgwitness'), 0o755)
    await run('CREATE DATABASE audit_db')
  })

  afterAll(() => trail.remove())

  /** The lines of the recipe without their dashes, for this trail. */
  function recipeOf(script: string): string {
    const lines = script.slice(script.indexOf('-- BEGIN;')).split('\n')
    return lines.map((line) => line.replace(/^-- ?/, '')).join('\n')
  }

  async function load(script: string): Promise<string> {
    const path = process.env['PATH'] ?? ''
    process.env['PATH'] = `${bin}:${path}`
    try {
      return await run(recipeOf(script), 'audit_db')
    } finally {
      process.env['PATH'] = path
    }
  }

  async function script(): Promise<string> {
    const { stdout } = await runToEnd(['setup-sql', '--table', '--role', 'audit reader'], {
      PGWITNESS_AUDIT_DIRECTORY: trail.directory,
    })
    return stdout
  }

  test('takes a trail, each record once, however often', async () => {
    const sql = await script()
    await run(sql, 'audit_db')
    expect(await load(sql)).toBe('')
    // The script and the loading may run again.
    await run(sql, 'audit_db')
    expect(await load(sql)).toBe('')
    const lines: string[] = []
    for await (const { line } of readTrail(trail.directory)) lines.push(line)
    const count = await run(
      'SELECT count(*), count(DISTINCT (trail, epoch, seq)) FROM pgwitness.audit',
      'audit_db',
    )
    expect(count).toBe(`${lines.length}|${lines.length}\n`)
    // Each is what the trail has, and the columns are what it says.
    const client = new pg.Client({
      ...{ host: postgres.host, port: postgres.port, user: 'postgres', database: 'audit_db' },
      password: postgres.password,
    })
    await client.connect()
    const { rows } = await client.query(
      'SELECT record FROM pgwitness.audit ORDER BY trail, epoch, seq',
    )
    await client.end()
    expect(rows.map(({ record }) => record)).toEqual(lines.map((line) => JSON.parse(line)))
    const wrong = await run(
      `SELECT count(*) FROM pgwitness.audit WHERE time <> (record->>'time')::timestamptz
         OR sql IS DISTINCT FROM record->'statement'->>'text'
         OR user_name IS DISTINCT FROM record->'session'->>'user'`,
      'audit_db',
    )
    expect(wrong).toBe('0\n')
  })

  test('tells a record that has been altered since', async () => {
    const sql = await script()
    await load(sql)
    const update = `UPDATE pgwitness.audit SET record = record || '{"class":"MISC"}' WHERE seq = 3`
    await run(update, 'audit_db')
    expect(await load(sql)).toMatch(/^\w+\|1\|3\n$/)
  })

  test('is read by the auditor alone', async () => {
    await run(await script(), 'audit_db')
    await run('CREATE ROLE somebody', 'audit_db')
    const asRole = (role: string) =>
      runTool('psql', ['-XAtqd', 'audit_db', '-c', `SET ROLE ${role}`, '-c', statement], {
        ...{ PGHOST: postgres.host, PGPORT: String(postgres.port), PGUSER: 'postgres' },
        PGPASSWORD: postgres.password,
      })
    let statement = 'SELECT count(*) > 0 FROM pgwitness.audit'
    expect((await asRole('"audit reader"')).stdout).toBe('t\n')
    expect((await asRole('somebody')).stderr).toContain('permission denied')
    for (statement of [
      `INSERT INTO pgwitness.audit (record) VALUES ('{}')`,
      'UPDATE pgwitness.audit SET record = record',
      'DELETE FROM pgwitness.audit',
      'TRUNCATE pgwitness.audit',
      'CREATE TABLE pgwitness.other (a int)',
    ]) {
      expect((await asRole('"audit reader"')).stderr).toContain('permission denied')
    }
  })
})
