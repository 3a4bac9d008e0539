import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, type TrailRecord } from '../support/proxy.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'

/** New texts of many sessions, and who waits for whose. */

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
})

afterAll(async () => {
  await postgres.stop()
})

const heavy_texts = 60

/** Some 60 KiB that the server refuses at once: it has no such table. Each is a text of its own. */
function heavyText(number: number): string {
  const columns = Array.from({ length: 4_000 }, (_, at) => `a${at} AS c${number}`)
  return `SELECT ${columns.join(', ')} FROM nowhere`
}

it('a short text of one session does not wait for all the heavy ones of another', async () => {
  const proxy = await startProxy(postgres)
  const other = await proxy.client()
  const raw = await RawClient.connect(proxy.port)
  raw.send(startupPacket({ user: 'postgres', database: 'postgres' }))
  await raw.until((text) => /Z\0\0\0\x05I$/.test(text))
  const queries = Array.from({ length: heavy_texts }, (_, at) => message('Q', `${heavyText(at)}\0`))
  raw.send(...queries)
  // All of them have been asked for as soon as the server has refused the last.
  await raw.until((text) => text.split('C42P01\0').length > heavy_texts)
  await other.query('SELECT 1 AS short_one')
  const records = await proxy.recordsUntil(
    (all) => all.filter(({ sqlstate }) => sqlstate === '42P01').length === heavy_texts,
  )
  const isShort = ({ statement }: TrailRecord) => statement?.text === 'SELECT 1 AS short_one'
  const behind = records.slice(records.findIndex(isShort))
  expect(behind.filter(({ sqlstate }) => sqlstate === '42P01').length).toBeGreaterThan(0)
  raw.end()
  await proxy.finish()
})
