import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'

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
  const record = records.find(({ statement }) => statement?.text === text)
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
