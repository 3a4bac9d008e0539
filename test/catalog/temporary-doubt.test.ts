import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SessionCatalog } from '../../src/catalog/names.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  brief,
  connect,
  context,
  creation,
  openSource,
  reference,
  relation,
  resolveOne,
} from './fixtures.js'

/** What code that nobody sees may have done to temporary relations, and when that is known. */

let server: ScratchPostgres
let client: Client

beforeAll(async () => {
  server = await startPostgres()
  client = await connect(server)
  await client.query('create table plain (); create table hidden (); create type mood as enum ()')
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

const named = (names: SessionCatalog, name: string) => brief(resolveOne(names, relation(name)))

test('a reading that began behind the transaction tells which names cannot be hidden', async () => {
  const source = await openSource(server)
  const [names, other] = [source.open('postgres'), source.open('postgres')]
  await source.refresh('postgres')
  names.doubt_temporary()
  // Nobody can see yet what the open transaction has made.
  await source.refresh('postgres')
  expect(named(names, 'plain')).toBe('public.plain (assumed)')
  names.commit()
  expect(named(names, 'plain')).toBe('public.plain (assumed)')
  const before = names.version
  await client.query('create temp table hidden ()')
  await source.refresh('postgres')
  expect(named(names, 'plain')).toBe('public.plain (catalog)')
  expect(names.version).not.toBe(before)
  // It may be this session's: which session has which no catalog tells.
  expect(named(names, 'hidden')).toBe('public.hidden (assumed)')
  expect(named(other, 'hidden')).toBe('public.hidden (catalog)')
  expect(brief(resolveOne(names, relation('pg_temp.hidden')))).toBe('pg_temp.hidden (assumed)')
  expect(brief(resolveOne(names, reference('type', 'mood')))).toBe('public.mood (assumed)')
  await client.query('drop table pg_temp.hidden')
  await source.refresh('postgres')
  expect(named(names, 'hidden')).toBe('public.hidden (catalog)')
  // The next such statement begins it all anew.
  names.doubt_temporary()
  names.rollback()
  expect(named(names, 'plain')).toBe('public.plain (assumed)')
  await source.close()
})

test('a temporary relation that may have been dropped stays in doubt', async () => {
  const source = await openSource(server)
  const names = source.open('postgres')
  await source.refresh('postgres')
  names.apply(creation(relation('plain', { temporary: true })), context())
  names.commit()
  names.doubt_temporary()
  names.commit()
  await source.refresh('postgres')
  expect(named(names, 'plain')).toBe('pg_temp.plain (assumed)')
  await source.close()
})

test('what an extension made may stand before what is known, until the next reading', async () => {
  const source = await openSource(server)
  const names = source.open('postgres')
  await client.query('create schema ahead; create table ahead.first ()')
  await source.refresh('postgres')
  const path = context({ search_path: ['ahead', 'public'] })
  const meaning = (name: string) => brief(resolveOne(names, relation(name), path))
  names.apply({ change: 'refresh', doubts: ['names'] }, path)
  expect(meaning('plain')).toBe('public.plain (assumed)')
  expect(meaning('first')).toBe('ahead.first (catalog)')
  expect(meaning('public.plain')).toBe('public.plain (catalog)')
  names.commit()
  expect(meaning('plain')).toBe('public.plain (assumed)')
  await source.refresh('postgres')
  expect(meaning('plain')).toBe('public.plain (catalog)')
  await source.close()
})
