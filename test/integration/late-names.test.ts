import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { limits } from '../../src/lib/limits.js'
import { ParserDoor } from '../../src/sql/parser-door.js'
import { Gate, startGated } from '../support/gated-proxy.js'
import { HeldFacts } from '../support/held-facts.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'

/** Records that wait, and what happens to their names meanwhile. */

let postgres: ScratchPostgres
let proxy: ProxyUnderTest

beforeAll(async () => {
  postgres = await startPostgres()
  // So long that every wait for a name ends by a reading of the catalog.
  proxy = await startProxy(postgres, { audit: { flush: { interval: '10s' } } })
})

afterAll(async () => {
  await proxy.finish()
  await postgres.stop()
})

const objectsOf = async (text: string) => {
  const records = await proxy.recordsUntil((all) => all.some((one) => one.statement?.text === text))
  return namesIn(records.find(({ statement }) => statement?.text === text))
}

function namesIn(record: TrailRecord | undefined): readonly string[] | undefined {
  return record?.objects?.map((object) => `${object['name']} ${object['resolved']}`)
}

it('what a DROP names beside what never existed has the names that it had', async () => {
  const client = await proxy.client()
  await client.query(`CREATE SCHEMA a; CREATE SCHEMA b; SET search_path = a, b;
    CREATE TABLE a.m1 (); CREATE TABLE a.m2 (); CREATE TABLE b.m2 ()`)
  await proxy.catalogKnown()
  const drop = 'DROP TABLE IF EXISTS m1, m2, nothing'
  await client.query(drop)
  expect(await objectsOf(drop)).toEqual(['a.m1 catalog', 'a.m2 catalog', 'nothing none'])
  const read = 'SELECT * FROM m2'
  await client.query(read)
  expect(await objectsOf(read)).toEqual(['b.m2 catalog'])
})

/** What has been answered while its record waits, and what other sessions' names are meanwhile. */
async function withHeldTexts(
  held: RegExp,
  play: (session: {
    readonly first: pg.Client
    /** What the second session's record of a text names. */
    readonly named: (text: string) => Promise<readonly string[] | undefined>
    readonly release: () => Promise<void>
  }) => Promise<void>,
): Promise<void> {
  const { host, port, superuser: user, password } = postgres
  const parser = new ParserDoor({ analysed_bytes: limits.analysed_bytes, on_replaced: () => {} })
  const facts = new HeldFacts(parser, held)
  const catalog = new DatabaseCatalogSource({
    server: { host, port, user, password },
    refresh_ms: 3_600_000,
    log: { warn() {}, info() {} },
  })
  const gate = new Gate()
  const gated = await startGated(postgres, gate, {}, { facts, catalog })
  const client = () =>
    new pg.Client({ host: '127.0.0.1', port: gated.port, user, password, database: 'postgres' })
  const [first, second] = [client(), client()]
  const recorded = async (text: string | RegExp) => {
    const is = ({ statement }: TrailRecord) =>
      typeof text === 'string' ? statement?.text === text : text.test(statement?.text ?? '')
    await expect.poll(() => gate.records.some(is), { timeout: 60_000 }).toBe(true)
    return gate.records.find(is)
  }
  try {
    for (const one of [first, second]) {
      await one.connect()
      await one.query('SET search_path = a, b')
    }
    await catalog.refresh('postgres')
    await play({
      first,
      async named(text) {
        await second.query(text)
        return namesIn(await recorded(text))
      },
      async release() {
        facts.release()
        await recorded(held)
      },
    })
  } finally {
    facts.release()
    await first.end()
    await second.end()
    await gated.stop()
  }
}

it.each([
  ['x', ['CREATE TABLE a.x () /* held */']],
  ['y', ['BEGIN', 'CREATE TABLE a.y ()', 'SELECT 1 /* held */', 'COMMIT']],
  ['z', [{ name: 'held', text: 'SELECT 1 AS one INTO a.z /* held */' }]],
  ['w', ['ALTER TABLE a.v RENAME TO w /* held */']],
])(
  'names behind are assumed while another session has made %s and nobody knows',
  async (name, did) => {
    const admin = await proxy.client()
    await admin.query(`CREATE TABLE b.${name} (); CREATE TABLE a.first_${name} ()`)
    await admin.query('CREATE TABLE IF NOT EXISTS a.v ()')
    await withHeldTexts(/held/, async ({ first, named, release }) => {
      expect(await named(`SELECT 1 FROM ${name}`)).toEqual([`b.${name} catalog`])
      for (const text of did) await first.query(text)
      expect(await named(`SELECT 2 FROM ${name}`)).toEqual([`b.${name} assumed`])
      // What has no place before it in the path is what it was.
      expect(await named(`SELECT 3 FROM first_${name}, b.${name}`)).toEqual([
        `a.first_${name} catalog`,
        `b.${name} catalog`,
      ])
      await release()
      expect(await named(`SELECT 4 FROM ${name}`)).toEqual([`a.${name} catalog`])
    })
  },
)

it('a schema that may be new stands before all that are known', async () => {
  const admin = await proxy.client()
  await admin.query('CREATE TABLE public.account (); CREATE TABLE b.account ()')
  await withHeldTexts(/held/, async ({ first, named, release }) => {
    await named('SET search_path = "$user", b')
    expect(await named('SELECT 1 FROM account')).toEqual(['b.account catalog'])
    await first.query(`CREATE SCHEMA ${postgres.superuser} CREATE TABLE account () /* held */`)
    expect(await named('SELECT 2 FROM account')).toEqual(['b.account assumed'])
    await release()
    expect(await named('SELECT 3 FROM account')).toEqual([`${postgres.superuser}.account catalog`])
  })
})

it('changes of the statement behind what waits are made in its order, by the former names', async () => {
  const admin = await proxy.client()
  await admin.query('CREATE TABLE a.late (); CREATE TABLE b.late ()')
  await withHeldTexts(/held/, async ({ first, named, release }) => {
    await first.query('SELECT 1 /* held */')
    await first.query('DROP TABLE late')
    expect(await named('SELECT 2 FROM late')).toEqual(['a.late assumed'])
    await release()
    expect(await named('SELECT 3 FROM late')).toEqual(['b.late catalog'])
  })
})
