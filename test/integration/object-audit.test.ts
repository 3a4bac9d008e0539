import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf, type TrailRecord } from '../support/proxy.js'

const setup = `
  CREATE ROLE auditor; CREATE ROLE grp; GRANT grp TO auditor;
  CREATE TABLE whole (id int); GRANT SELECT ON whole TO auditor;
  CREATE TABLE card (id int, pan text, x int); GRANT SELECT (pan), UPDATE (x) ON card TO auditor;
  CREATE TABLE inherited (id int); GRANT DELETE ON inherited TO grp;
  CREATE TABLE plain (id int); CREATE TABLE everyone (id int); GRANT SELECT ON everyone TO PUBLIC;
  CREATE FUNCTION watched() RETURNS int LANGUAGE sql RETURN 1;
  GRANT EXECUTE ON FUNCTION watched TO grp;
  CREATE FUNCTION unwatched() RETURNS int LANGUAGE sql RETURN 1;
  CREATE VIEW card_view AS SELECT id, pan FROM card;
  CREATE VIEW plain_view AS SELECT * FROM plain; GRANT SELECT ON plain_view TO auditor`

/** Statements, and which of their objects object auditing marks; none: no record at all. */
const statements: readonly (readonly [string, ...string[]])[] = [
  ['SELECT * FROM whole', 'public.whole'],
  ['INSERT INTO whole VALUES (1)'],
  ['SELECT id FROM card'],
  ['SELECT pan FROM card', 'public.card'],
  ['SELECT * FROM card', 'public.card'],
  ['SELECT count(*) FROM card', 'public.card'],
  ['SELECT c FROM card c', 'public.card'],
  ["UPDATE card SET id = 1 WHERE pan = 'p'", 'public.card'],
  ['UPDATE card SET id = 1'],
  ['UPDATE card SET x = 1', 'public.card'],
  ["INSERT INTO card VALUES (1, 'p', 2)"],
  ['INSERT INTO card VALUES (1) RETURNING pan', 'public.card'],
  ['DELETE FROM inherited', 'public.inherited'],
  ['SELECT * FROM inherited'],
  ['SELECT * FROM card_view', 'public.card'],
  ['SELECT * FROM plain_view', 'public.plain_view'],
  ['SELECT * FROM plain, everyone'],
  ['SELECT * FROM plain WHERE id IN (SELECT id FROM whole)', 'public.whole'],
  ['WITH w AS (SELECT * FROM whole) SELECT 1', 'public.whole'],
  ['PREPARE p AS TABLE whole'],
  ['EXECUTE p', 'public.whole'],
  ["COPY whole TO PROGRAM 'cat > /dev/null'", 'public.whole'],
  ['SELECT watched()', 'public.watched'],
  ['SELECT unwatched(), lower($$A$$), set_config($$a.b$$, $$c$$, true)'],
  ['SELECT 1'],
  ['CREATE TABLE other (id int)'],
]

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres()
  const { host, port, password } = postgres
  const admin = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
  await admin.connect()
  await admin.query(setup)
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

const settings = { rules: [], object_audit: { role: 'auditor' } }

function audited(record: TrailRecord): readonly unknown[] {
  const marked = record.objects?.filter((object) => object['audited'] === true) ?? []
  return [record.statement?.text, ...marked.map((object) => object['name'])]
}

it('records what the role was granted, by table and by column, and nothing else', async () => {
  const proxy = await startProxy(postgres, settings)
  const probe = await proxy.client()
  // The grants have been read as soon as a table without any is passed over.
  for (let known = false; !known; ) {
    const before = (await proxy.records()).length
    await probe.query('SELECT * FROM plain')
    await probe.query('SELECT * FROM whole')
    const after = await proxy.recordsUntil((all) => all.length > before)
    known = after.length === before + 1 && after.at(-1)?.objects?.[0]?.['name'] === 'public.whole'
  }
  const client = await proxy.client({ application_name: 'audited' })
  for (const [sql] of statements) await client.query(sql)
  const records = statementsOf(await proxy.finish()).filter(
    (record) => record.session?.['application'] === 'audited',
  )
  expect(records.map(audited)).toEqual(statements.filter(([, ...objects]) => objects.length > 0))
  expect(records.every((record) => record.rules?.length === 0)).toBe(true)
})

it('loses nothing before the grants are known, nor when they cannot be read', async () => {
  for (const catalog of [{ user: 'postgres' }, { user: 'nobody_at_all' }]) {
    const proxy = await startProxy(postgres, { ...settings, catalog })
    const client = await proxy.client()
    await client.query('SELECT pan FROM card; SELECT 1')
    const records = statementsOf(await proxy.finish())
    expect(records.map(audited)).toEqual([['SELECT pan FROM card', 'public.card']])
  }
})

it('misses nothing right after a GRANT, when the catalog has not been read again', async () => {
  const proxy = await startProxy(postgres, settings)
  await proxy.client().then((probe) => probe.query('SELECT * FROM whole'))
  const client = await proxy.client({ application_name: 'granter' })
  await client.query('CREATE TABLE late (id int)')
  await client.query('CREATE TABLE later (id int)')
  for (const table of ['late', 'later']) {
    await client.query('BEGIN')
    await client.query(`GRANT SELECT ON ${table} TO auditor`)
    await client.query(`SELECT 1, * FROM ${table}`)
    await client.query('COMMIT')
    await client.query(`SELECT 2, * FROM ${table}`)
  }
  await client.query('DROP TABLE late, later')
  const records = statementsOf(await proxy.finish()).map(audited)
  for (const table of ['late', 'later']) {
    expect(records).toContainEqual([`SELECT 1, * FROM ${table}`, `public.${table}`])
    expect(records).toContainEqual([`SELECT 2, * FROM ${table}`, `public.${table}`])
  }
})

it('follows grants and chains of roles through what was prepared before them', async () => {
  const proxy = await startProxy(postgres, settings)
  const client = await proxy.client()
  await client.query('CREATE TABLE kept (id int); CREATE ROLE far; CREATE ROLE near')
  await client.query('GRANT SELECT ON kept TO far; GRANT far TO near')
  await client.query('PREPARE q AS SELECT 1, * FROM kept')
  const named = { name: 'by protocol', text: 'SELECT 2, * FROM kept' }
  /** Runs both until the catalog has been read: then they are recorded, or no more. */
  const untilRecorded = async (wanted: boolean) => {
    for (;;) {
      const before = statementsOf(await proxy.records()).length
      await client.query('EXECUTE q')
      await client.query(named)
      // A statement that is always recorded ends the wait for those that may not be.
      await client.query('SELECT * FROM whole')
      const isLast = ({ statement }: TrailRecord) => statement?.text === 'SELECT * FROM whole'
      const all = await proxy.recordsUntil((records) =>
        statementsOf(records).slice(before).some(isLast),
      )
      const marked = statementsOf(all)
        .slice(before)
        .flatMap(({ objects = [] }) => objects)
        .filter(({ name, audited: is_marked }) => name === 'public.kept' && is_marked === true)
      if (marked.length === (wanted ? 2 : 0)) return
      expect([0, 1, 2]).toContain(marked.length)
    }
  }
  await untilRecorded(false)
  await client.query('GRANT near TO auditor')
  await untilRecorded(true)
  await client.query('REVOKE far FROM near')
  await untilRecorded(false)
  await client.query('GRANT SELECT ON kept TO PUBLIC')
  await untilRecorded(false)
  await client.query('GRANT far TO auditor; REVOKE SELECT ON kept FROM far')
  await untilRecorded(false)
  await client.query('ALTER ROLE near SUPERUSER; ALTER TABLE kept OWNER TO auditor')
  // The owner's own rights are written into the list of grants as soon as there is one.
  await untilRecorded(true)
  await client.query('DROP TABLE kept; DROP ROLE near, far')
  await proxy.finish()
})

it('writes OBJECT lines in the CSV format, beside SESSION lines where a rule asks', async () => {
  const rules = [{ name: 'writes', class: ['WRITE'] }]
  const proxy = await startProxy(postgres, { ...settings, rules, audit: { format: 'csv' } })
  const client = await proxy.client({ application_name: 'csv' })
  await client.query('SELECT pan FROM card')
  await client.query('UPDATE card SET x = 2')
  await client.end()
  await proxy.stop()
  const lines = (await proxy.lines()).filter((line) => line.includes(',csv,'))
  const cut = (line: string) => line.replace(/,\d{4}-.*?,csv,postgres,postgres,\d+\/\d+,/, ' … ')
  expect(lines.map(cut)).toEqual([
    'AUDIT: OBJECT,READ … 1,1,SELECT,,TABLE,public.card,,SELECT pan FROM card,<none>',
    'AUDIT: SESSION,WRITE … 2,1,UPDATE,,TABLE,public.card,,UPDATE card SET x = 2,<none>',
    'AUDIT: OBJECT,WRITE … 2,1,UPDATE,,TABLE,public.card,,UPDATE card SET x = 2,<none>',
  ])
})
