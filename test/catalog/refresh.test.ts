import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { ClockCheck } from '../../src/catalog/clock-check.js'
import { Refresher } from '../../src/catalog/refresher.js'
import { limits } from '../../src/lib/limits.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  brief,
  connect,
  context,
  creation,
  openSource,
  RecordingLog,
  relation,
  resolve,
  resolveOne,
  witness,
} from './fixtures.js'

let server: ScratchPostgres
let client: Client

beforeAll(async () => {
  server = await startPostgres({ settings: { search_path: '"$user", public, extra' } })
  client = await connect(server)
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

/** Polls, because what is awaited happens by a timer; a test's own timeout ends the wait. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}

async function sideConnections(): Promise<number> {
  const result = await client.query(
    "select count(*)::int as n from pg_stat_activity where application_name = 'pgwitness catalog'",
  )
  return result.rows[0].n
}

test('a missing name is found after a refresh; an unchanged catalog keeps its version', async () => {
  const source = await openSource(server)
  const names = source.open('postgres')
  await source.refresh('postgres')
  expect(resolve(names, relation('late')).missing).toBe(true)
  await client.query('create table late (id int)')
  await source.refresh('postgres')
  expect(resolve(names, relation('late'))).toMatchObject({
    missing: false,
    objects: [{ name: 'public.late', resolved: 'catalog' }],
  })
  const before = names.version
  await source.refresh('postgres')
  expect(source.status()).toMatchObject([{ database: 'postgres', loads: 3, sessions: 1 }])
  expect(names.version).toBe(before)
  await client.query('alter table late rename to later')
  await source.refresh('postgres')
  expect(names.version).not.toBe(before)
  await source.close()
})

test('a load that began after a commit supersedes what the commit merged', async () => {
  const source = await openSource(server)
  const names = source.open('postgres')
  await source.refresh('postgres')
  // The server knows nothing of this table: the overlay is believed until the next load.
  names.apply(creation(relation('imagined')), context())
  names.commit()
  expect(brief(resolveOne(names, relation('imagined')))).toBe('public.imagined (catalog)')
  await source.refresh('postgres')
  expect(brief(resolveOne(names, relation('imagined')))).toBe('imagined (none)')
  await source.close()
})

test('requests share a run that has not begun, and those during a run share the next', async () => {
  let release: () => void = () => undefined
  let runs = 0
  const refresher = new Refresher({
    refresh_ms: 3_600_000,
    run: () => {
      runs += 1
      return new Promise((resolve) => {
        release = () => resolve(0)
      })
    },
    failed: () => undefined,
  })
  const first = refresher.request()
  expect(refresher.request()).toBe(first)
  await until(() => runs === 1)
  const later = [refresher.request(), refresher.request(), refresher.request()]
  expect(new Set(later).size).toBe(1)
  release()
  await first
  await until(() => runs === 2)
  release()
  await Promise.all(later)
  expect(runs).toBe(2)
  refresher.close()
  await refresher.request()
  expect(runs).toBe(2)
})

test('a failure backs off and is made up for while somebody is interested', async () => {
  const failures: number[] = []
  let runs = 0
  const refresher = new Refresher({
    refresh_ms: 3_600_000,
    run: () => {
      runs += 1
      return runs < 3 ? Promise.reject(new Error('no server')) : Promise.resolve(0)
    },
    failed: (_error, retry_ms) => failures.push(retry_ms),
  })
  await refresher.request()
  await refresher.request()
  expect(runs).toBe(1)
  refresher.setInterested(true)
  await until(() => runs === 3)
  expect(failures).toEqual([500, 1_000])
  refresher.close()
})

test('runs follow by themselves only while somebody is interested', async () => {
  let runs = 0
  const refresher = new Refresher({
    refresh_ms: 10,
    run: () => {
      runs += 1
      return Promise.resolve(0)
    },
    failed: () => undefined,
  })
  refresher.setInterested(true)
  await refresher.request()
  await until(() => runs === 3)
  refresher.setInterested(false)
  await refresher.request()
  const before = runs
  await sleep(200)
  expect(runs).toBe(before)
  refresher.setInterested(true)
  await until(() => runs === before + 1)
  refresher.close()
})

test('a server that is away is reported and found again when it is back', async () => {
  const log = new RecordingLog()
  const source = await openSource(server, { log })
  const names = source.open('postgres')
  await source.refresh('postgres')
  await client.end()
  await server.restart()
  client = await connect(server)
  await client.query('create table after_restart (id int)')
  await until(async () => {
    await source.refresh('postgres')
    return !resolve(names, relation('after_restart')).missing
  })
  expect(log.warnings.length).toBeGreaterThan(0)
  expect(source.status()).toMatchObject([{ problem: undefined }])
  await source.close()
})

test('a wrong password and an unknown host are warnings, and names are assumed', async () => {
  const log = new RecordingLog()
  const wrong = { host: server.host, port: server.port, user: witness.name, password: 'wrong' }
  for (const place of [wrong, { ...wrong, host: server.socket_directory }, { ...wrong, port: 1 }]) {
    const source = new DatabaseCatalogSource({ server: place, refresh_ms: 1_000, log })
    const names = source.open('postgres')
    await source.refresh('postgres')
    expect(brief(resolveOne(names, relation('account')))).toBe('public.account (assumed)')
    expect(source.status()[0]?.problem).toBeTypeOf('string')
    expect(source.connected).toBe(true)
    await source.close()
  }
  expect(log.warnings).toHaveLength(3)
  expect(log.codes).toEqual(['catalog.refused', 'catalog.refused', 'catalog.unreadable'])
})

test('a server without TLS is refused, unless TLS is optional', async () => {
  const place = { host: server.host, port: server.port, user: witness.name, ssl: {} }
  const problems: (string | undefined)[] = []
  for (const ssl_order of ['only', 'first'] as const) {
    const source = await openSource(server, {
      server: { ...place, password: witness.password, ssl_order },
    })
    source.open('postgres')
    await source.refresh('postgres')
    problems.push(source.status()[0]?.problem)
    await source.close()
  }
  expect(problems).toEqual([expect.stringContaining('SSL'), undefined])
})

test('there is one connection for a database, closed when it was unused for a while', async () => {
  const source = await openSource(server, { unused_ms: 50 })
  const sessions = [source.open('postgres'), source.open('postgres')]
  await source.refresh('postgres')
  expect(await sideConnections()).toBe(1)
  for (const session of sessions) session.close()
  await until(async () => (await sideConnections()) === 0)
  expect(source.status()).toEqual([])
  const again = source.open('postgres')
  await source.refresh('postgres')
  expect(resolve(again, relation('pg_class')).missing).toBe(false)
  await source.close()
  expect(source.status()).toEqual([])
})

test('closing while a load is under way ends it without a warning', async () => {
  const log = new RecordingLog()
  const source = await openSource(server, { log })
  source.open('postgres')
  const loading = source.refresh('postgres')
  await source.close()
  await loading
  expect(log.warnings).toEqual([])
  await until(async () => (await sideConnections()) === 0)
})

test('default settings come in the order of their strength, over the server’s own', async () => {
  await client.query('create database shop')
  await client.query(`create role dora; create role erik;
    alter role all set search_path to everyone;
    alter database shop set search_path to shop_schema;
    alter role dora set search_path to dora_schema;
    alter role dora in database shop set search_path to dora_shop;
    alter role dora set role to erik`)
  const source = await openSource(server)
  const shop = source.open('shop')
  const main = source.open('postgres')
  await Promise.all([source.refresh('shop'), source.refresh('postgres')])
  expect(shop.default_settings('dora').get('search_path')).toBe('dora_shop')
  expect(shop.default_settings('dora').get('role')).toBe('erik')
  expect(shop.default_settings('erik').get('search_path')).toBe('shop_schema')
  expect(main.default_settings('dora').get('search_path')).toBe('dora_schema')
  expect(main.default_settings('erik').get('search_path')).toBe('everyone')
  await client.query('alter role all reset search_path')
  await source.refresh('postgres')
  expect(main.default_settings('erik').get('search_path')).toBe('"$user", public, extra')
  await source.close()
})

test('a snapshot of very many relations works and stays small', async () => {
  const count = 20_000
  await client.query('create schema crowd')
  // Committed in between, because a transaction can hold only so many locks.
  await client.query(`do $$ begin
    for i in 1..${count} loop
      execute format('create view crowd.relation_%s as select 1 as n', i);
      if i % 1000 = 0 then commit; end if;
    end loop; end $$`)
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const source = await openSource(server)
  collectGarbage()
  const before_bytes = process.memoryUsage().heapUsed
  const names = source.open('postgres')
  await source.refresh('postgres')
  collectGarbage()
  const bytes_per_relation = (process.memoryUsage().heapUsed - before_bytes) / count
  expect(resolve(names, relation(`crowd.relation_${count}`))).toMatchObject({ missing: false })
  expect(source.status()[0]?.relations).toBeGreaterThan(count)
  expect(bytes_per_relation).toBeLessThan(600)
  await source.close()
})

test('a look tells what a first load would meet, once the clocks and the role are tried', async () => {
  const place = { host: server.host, port: server.port, user: witness.name }
  const codesOf = async (password: string): Promise<readonly unknown[]> => {
    const log = new RecordingLog()
    const source = await openSource(server, { server: { ...place, password }, log })
    await source.look()
    await source.close()
    return log.codes
  }
  expect(await codesOf(witness.password)).toEqual([])
  expect(await codesOf('wrong')).toEqual(['catalog.refused'])
  expect(await sideConnections()).toBe(0)
})

test('the clocks are compared at each connection, and told of when that changes', () => {
  const log = new RecordingLog()
  const check = new ClockCheck(log)
  const asked_ms = 1_000_000
  const answered_ms = 1_000_400
  const compare = (server_ms: number) => check.compare({ server_ms, asked_ms, answered_ms })
  compare(asked_ms + 200)
  compare(answered_ms + limits.clock_offset_ms)
  expect(log).toMatchObject({ codes: [], infos: [] })
  compare(answered_ms + limits.clock_offset_ms + 1)
  compare(asked_ms - 3_600_000)
  expect(log.warnings).toEqual(["the clock of this machine is 5 s behind the server's"])
  expect(log.codes).toEqual(['clock.far_off'])
  compare(asked_ms - 1)
  expect(log.infos).toHaveLength(1)
  compare(asked_ms - 3_600_000)
  expect(log.warnings.at(-1)).toBe("the clock of this machine is 3600 s ahead of the server's")
})
