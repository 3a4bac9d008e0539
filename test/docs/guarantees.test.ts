import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { blocksOf } from './page-blocks.js'

let postgres: ScratchPostgres
let proxy: ProxyUnderTest

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['local all all trust', 'host all all 127.0.0.1/32 trust'],
  })
  proxy = await startProxy(postgres, { catalog: { user: 'postgres' } })
})

afterAll(async () => {
  await proxy.stop()
  await postgres.stop()
})

test('the query that tells connections past the port shows those and no others', async () => {
  const [query] = blocksOf('docs/guarantees.md').filter(({ language }) => language === 'sql')
  const through = await proxy.client({ application_name: 'through' })
  const past = new pg.Client({
    host: postgres.socket_directory,
    port: postgres.port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'past',
  })
  await past.connect()
  const { rows } = await through.query(query?.text ?? '')
  expect(rows.map(({ application_name }) => application_name)).toEqual(['past'])
  const { rows: own } = await through.query('SELECT pg_backend_pid() AS pid')
  await past.end()
  await through.end()
  const records = await proxy.finish()
  const authorized = records.filter(({ command }) => command === 'connection authorized')
  expect(authorized.map(({ session }) => session?.['pid'])).toEqual([own[0].pid])
})
