import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'

let postgres: ScratchPostgres
let proxy: ProxyUnderTest
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres()
  proxy = await startProxy(postgres)
  admin = await proxy.client()
})

afterAll(async () => {
  await proxy.finish()
  await postgres.stop()
})

/** Databases to which pgwitness itself is connected. */
async function watched(): Promise<readonly string[]> {
  const { rows } = await admin.query<{ datname: string }>(
    "SELECT datname FROM pg_stat_activity WHERE application_name = 'pgwitness catalog' ORDER BY 1",
  )
  return rows.map(({ datname }) => datname)
}

/** A session in a database until its catalog has been read. */
async function visit(database: string): Promise<void> {
  await proxy.catalogKnown(database)
}

it('drops, renames and copies a database that was in use a moment ago', async () => {
  await admin.query('CREATE DATABASE one')
  await visit('one')
  await admin.query('ALTER DATABASE one RENAME TO two')
  await visit('two')
  await admin.query('CREATE DATABASE copy TEMPLATE two')
  await visit('two')
  await admin.query('DROP DATABASE two')
  await visit('copy')
  await admin.query('ALTER DATABASE copy SET TABLESPACE pg_default')
  await admin.query('DROP DATABASE copy')
})

it('copies the database that the session itself is in, by both protocols', async () => {
  await admin.query('CREATE DATABASE original')
  const client = await proxy.client({ database: 'original' })
  await client.query('CREATE TABLE t (i int); SELECT FROM t')
  await expect.poll(watched).toContain('original')
  await client.query('/* mine */ CREATE DATABASE first_copy TEMPLATE original')
  await client.query({
    name: 'copy',
    text: '  create database second_copy template = original',
    values: [],
  })
  await client.end()
})

it('leaves a database soon after its last session, and comes back for the next', async () => {
  await admin.query('CREATE DATABASE quiet')
  const client = await proxy.client({ database: 'quiet' })
  await expect.poll(watched).toContain('quiet')
  await client.query('CREATE TABLE made (i int)')
  await client.end()
  await expect.poll(watched).not.toContain('quiet')
  const later = await proxy.client({ database: 'quiet' })
  await later.query('CREATE TABLE another (i int)')
  await expect.poll(watched).toContain('quiet')
  await later.end()
})

it('is at home in no more databases than have sessions', async () => {
  const clients: pg.Client[] = []
  for (const name of ['a', 'b', 'c']) {
    await admin.query(`CREATE DATABASE home_${name}`)
    for (let count = 0; count < 3; count++) {
      clients.push(await proxy.client({ database: `home_${name}` }))
    }
  }
  await expect.poll(watched).toEqual(['home_a', 'home_b', 'home_c', 'postgres'])
  for (const client of clients) await client.end()
  await expect.poll(watched).toEqual(['postgres'])
})
