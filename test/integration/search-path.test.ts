import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { serverMajor } from '../support/server-binaries.js'

/** The server itself says which schema the name `t` means; the record must say the same. */
const probe = `SELECT n.nspname FROM pg_catalog.pg_class k, pg_catalog.pg_namespace n,
  (SELECT count(*) FROM t) x WHERE k.oid = 't'::regclass AND n.oid = k.relnamespace`

const setup = `
  CREATE ROLE reader; CREATE ROLE bob LOGIN PASSWORD 'b'; GRANT reader TO bob;
  CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c; CREATE SCHEMA bob; CREATE SCHEMA reader;
  CREATE SCHEMA "Odd ""x, y";
  CREATE TABLE a.t (i int); CREATE TABLE b.t (i int); CREATE TABLE c.t (i int);
  CREATE TABLE bob.t (i int); CREATE TABLE reader.t (i int); CREATE TABLE public.t (i int);
  CREATE TABLE "Odd ""x, y".t (i int);
  GRANT USAGE ON SCHEMA a, b, bob, "Odd ""x, y" TO bob; GRANT USAGE ON SCHEMA c, reader TO reader;
  GRANT SELECT ON a.t, b.t, bob.t, public.t, "Odd ""x, y".t TO bob;
  GRANT SELECT ON c.t, reader.t TO reader;
  CREATE FUNCTION public.peek() RETURNS bigint LANGUAGE sql SET search_path = b AS 'SELECT count(*) FROM t'`

/** Before, the defaults of a login are those of the last reading of the catalog. */
const is_unreported = serverMajor() < 18
const since = 'skips before PostgreSQL 18, which reports search_path'

let postgres: ScratchPostgres
let proxy: ProxyUnderTest
let admin: pg.Client
let sessions = 0

beforeAll(async () => {
  postgres = await startPostgres()
  const { host, port, password } = postgres
  admin = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
  await admin.connect()
  await admin.query(setup)
  proxy = await startProxy(postgres)
  await proxy.catalogKnown()
})

afterAll(async () => {
  await admin.end()
  await proxy.finish()
  await postgres.stop()
})

/** Runs statements as bob, `?` being the probe; gives what server and records say of `t`. */
async function follow(statements: readonly string[], options: pg.ClientConfig = {}) {
  sessions += 1
  const application_name = `session ${sessions}`
  const client = await proxy.client({ user: 'bob', password: 'b', application_name, ...options })
  const real: string[] = []
  for (const statement of statements) {
    if (statement !== '?') await client.query(statement)
    else real.push((await client.query(probe)).rows[0].nspname.replace(/^pg_temp_\d+$/, 'pg_temp'))
  }
  await client.end()
  const mine = (record: { session?: Readonly<Record<string, unknown>> }) =>
    record.session?.['application'] === application_name
  const all = await proxy.recordsUntil((records) =>
    records.some((record) => mine(record) && record.command === 'disconnection'),
  )
  const recorded = statementsOf(all)
    .filter((record) => mine(record) && record.statement?.text === probe)
    .map((record) => record.objects?.at(-1))
  return {
    real,
    recorded: recorded.map((object) =>
      String(object?.['name'])
        .replace(/\.t$/, '')
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('""', '"'),
    ),
    certain: recorded.every((object) => object?.['resolved'] === 'catalog'),
  }
}

describe('names follow the search_path of the session', () => {
  it.each([
    ['SET and RESET', ['?', 'SET search_path = a, b', '?', 'RESET search_path', '?']],
    ['SET LOCAL', ['BEGIN', 'SET LOCAL search_path TO b', '?', 'COMMIT', '?']],
    ['ROLLBACK', ['BEGIN', 'SET search_path = a', '?', 'ROLLBACK', '?']],
    ['AND CHAIN', ['BEGIN', 'SET LOCAL search_path = a', 'COMMIT AND CHAIN', '?', 'END']],
    [
      'savepoints',
      [
        'BEGIN',
        'SET search_path = a',
        'SAVEPOINT s',
        'SET search_path = b',
        '?',
        'ROLLBACK TO s',
      ].concat('?', 'SET LOCAL search_path = public', '?', 'RELEASE s', '?', 'COMMIT', '?'),
    ],
    [
      'set_config',
      ["SELECT set_config('search_path', 'b, a', false)", '?', 'BEGIN'].concat(
        "SELECT set_config('search_path', 'a', true)",
        '?',
        'COMMIT',
        '?',
      ),
    ],
    ['DISCARD ALL', ['SET search_path = a', '?', 'DISCARD ALL', '?']],
    ['RESET ALL', ['SET search_path = b', 'RESET ALL', '?']],
    ['SET SCHEMA', ["SET SCHEMA 'b'", '?', "SET search_path = 'A', b", '?']],
    ['odd names', ['SET search_path TO "Odd ""x, y", a', '?']],
    ['several at once', ['SET search_path = b; SELECT 1; SET search_path = a', '?']],
    [
      'the role behind "$user"',
      ['SET search_path = "$user", public', '?', 'SET ROLE reader', '?', 'RESET ROLE', '?'].concat(
        'BEGIN',
        'SET LOCAL ROLE reader',
        '?',
        'ROLLBACK',
        '?',
        'SET search_path = c, a',
        '?',
      ),
    ],
    ['DISCARD TEMP', ['CREATE TEMP TABLE t (i int)', '?', 'DISCARD TEMP', '?']],
    ['ON COMMIT DROP', ['BEGIN', 'CREATE TEMP TABLE t (i int) ON COMMIT DROP', '?', 'COMMIT', '?']],
  ])('%s', async (_, statements) => {
    const { real, recorded, certain } = await follow(statements)
    expect(recorded).toEqual(real)
    expect(certain).toBe(true)
  })

  it('startup options', async () => {
    const statements = ['?', 'SET search_path = a', '?', 'DISCARD ALL', '?']
    for (const options of ['-c search_path=b,a', '--search-path=b', '-csearch_path=b']) {
      const { real, recorded } = await follow(statements, { options })
      expect(real).toEqual(['b', 'a', 'b'])
      expect(recorded).toEqual(real)
    }
  })

  it("a function's own SET clause, which ends with its call", async () => {
    const { real, recorded } = await follow(
      [
        'SET search_path = a',
        'SELECT public.peek()',
        '?',
        'BEGIN',
        'SELECT public.peek()',
        '?',
      ].concat(
        'COMMIT',
        "CREATE FUNCTION pg_temp.own() RETURNS int LANGUAGE sql SET search_path = b AS 'SELECT 1'",
        'ALTER FUNCTION pg_temp.own() SET search_path = c',
        '?',
        'SELECT pg_temp.own()',
        '?',
      ),
    )
    expect(real).toEqual(['a', 'a', 'a', 'a'])
    expect(recorded).toEqual(real)
  })

  it('SET SESSION AUTHORIZATION', async () => {
    const { real, recorded } = await follow(
      [
        'SET SESSION AUTHORIZATION bob',
        '?',
        'SET ROLE reader',
        '?',
        'RESET SESSION AUTHORIZATION',
      ].concat('?'),
      { user: 'postgres', password: postgres.password },
    )
    expect(real).toEqual(['bob', 'reader', 'public'])
    expect(recorded).toEqual(real)
  })

  it.skipIf(is_unreported)(
    `defaults of role and database, although the snapshot is older (${since})`,
    async () => {
      const statements = [
        '?',
        'SET search_path = a',
        '?',
        'SET search_path TO DEFAULT',
        '?',
      ].concat('DISCARD ALL', '?')
      for (const change of [
        'ALTER ROLE bob SET search_path = b, public',
        'ALTER ROLE bob RESET search_path',
        'ALTER DATABASE postgres SET search_path = a, b',
        'ALTER ROLE bob IN DATABASE postgres SET search_path = public',
        'ALTER ROLE bob IN DATABASE postgres RESET ALL',
        'ALTER DATABASE postgres RESET ALL',
      ]) {
        // Not through the proxy: it cannot know that a refresh is due.
        await admin.query(change)
        const { real, recorded, certain } = await follow(statements)
        expect({ change, recorded, certain }).toEqual({ change, recorded: real, certain: true })
      }
    },
  )
})

describe('a proxy that has just started', () => {
  it('knows the default role of a login from the first statement on', async () => {
    await admin.query('ALTER ROLE bob SET role = reader')
    const fresh = await startProxy(postgres, { audit: { flush: { interval: '5s' } } })
    const client = await fresh.client({ user: 'bob', password: 'b' })
    await client.query('SELECT * FROM t')
    await client.query('SET ROLE NONE; SELECT * FROM t; RESET ROLE; SELECT * FROM t')
    await client.end()
    const reads = statementsOf(await fresh.finish()).filter((record) => record.class === 'READ')
    await admin.query('ALTER ROLE bob RESET role')
    expect(
      reads.map((record) => [record.session?.['role'], record.objects?.[0]?.['name']]),
    ).toEqual([
      ['reader', 'reader.t'],
      [undefined, 'bob.t'],
      ['reader', 'reader.t'],
    ])
  })
})
