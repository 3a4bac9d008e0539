import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SideConnection } from '../../src/catalog/side-connection.js'
import type { CatalogSnapshot } from '../../src/catalog/snapshot.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { randomOf } from '../support/random.js'
import {
  brief,
  connect,
  openSource,
  RecordingLog,
  relation,
  resolve,
  resolveOne,
} from './fixtures.js'

const count = 20_000

let server: ScratchPostgres
let client: Client

beforeAll(async () => {
  server = await startPostgres({ settings: { max_locks_per_transaction: '256' } })
  client = await connect(server)
  await client.query(`create schema a; create schema b; create role bob; create schema crowd`)
  // Committed in between, because a transaction can hold only so many locks.
  await client.query(`do $$ begin
    for i in 1..${count} loop
      execute format('create table crowd.relation_%s ()', i);
      if i % 1000 = 0 then commit; end if;
    end loop; end $$`)
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

function side(): SideConnection {
  const { host, port, password } = server
  return new SideConnection(
    { host, port, password, user: 'postgres' },
    'postgres',
    new RecordingLog(),
  )
}

/** All that a snapshot says of relations, in an order of its own. */
function contents(snapshot: CatalogSnapshot) {
  const relations = [...snapshot.schemas.values()].flatMap(({ entries }) => [
    ...entries.relation.values(),
  ])
  return {
    count: snapshot.relation_count,
    relations: relations.sort((one, other) => one.oid - other.oid),
    ranges: [...snapshot.buckets]
      .sort(([one], [other]) => one - other)
      .map(([range, bucket]) => [
        range,
        bucket.mark,
        bucket.relations.map(({ oid }) => oid).sort((one, other) => one - other),
      ]),
  }
}

test('after one statement only what lies near it is read again', async () => {
  const source = await openSource(server)
  const names = source.open('postgres')
  await source.refresh('postgres')
  const readBy = async (statement: string) => {
    await client.query(statement)
    const before = source.status()[0]?.rows_read ?? 0
    await source.refresh('postgres')
    return (source.status()[0]?.rows_read ?? 0) - before
  }
  expect(source.status()[0]?.rows_read).toBeGreaterThan(count)
  // A range of oids, the marks of all ranges, and the roles.
  const few = 3_000
  expect(await readBy('select 1')).toBeLessThan(200)
  expect(await readBy('create table a.news (i int primary key)')).toBeLessThan(few)
  expect(brief(resolveOne(names, relation('a.news')))).toBe('a.news (catalog)')
  expect(await readBy('alter table a.news set schema b')).toBeLessThan(few)
  expect(resolve(names, relation('a.news')).missing).toBe(true)
  expect(brief(resolveOne(names, relation('b.news')))).toBe('b.news (catalog)')
  expect(await readBy('grant select on crowd.relation_7 to bob')).toBeLessThan(few)
  expect(await readBy('analyze crowd.relation_9')).toBeLessThan(few)
  expect(await readBy('drop table b.news')).toBeLessThan(few)
  expect(resolve(names, relation('b.news')).missing).toBe(true)
  expect(source.status()[0]?.relations).toBeGreaterThan(count)
  // Views hold on to what they are made of: with them everything is read.
  expect(await readBy('create view a.v as select from crowd.relation_1')).toBeGreaterThan(count)
  await readBy('drop view a.v')
  await source.close()
})

test('what was read piece by piece is what a whole reading gives', async () => {
  const random = randomOf(20261122)
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
  const name = () => `${pick(['a', 'b'])}.${pick(['r1', 'r2', 'r3', 'r4'])}`
  const statements = [
    () => `create table ${name()} (i int primary key)`,
    () => `create table ${name()} (i serial)`,
    () => `create sequence ${name()}`,
    () => `create view ${name()} as select from ${name()}`,
    () => `alter table ${name()} rename to ${pick(['r1', 'r2', 'r3', 'r4'])}`,
    () => `alter table ${name()} set schema ${pick(['a', 'b'])}`,
    () => `drop table ${name()} cascade`,
    () => `drop view ${name()} cascade`,
    () => `drop sequence ${name()} cascade`,
    () => `grant ${pick(['select', 'insert'])} on ${name()} to ${pick(['bob', 'public'])}`,
    () => `alter table ${name()} owner to ${pick(['bob', 'postgres'])}`,
    () => `create index on ${name()} ((1))`,
    () => `alter schema ${pick(['a', 'b'])} rename to c; alter schema c rename to a`,
    () => `drop table crowd.relation_${1 + random(count)}`,
  ]
  const incremental = side()
  let { snapshot } = await incremental.load(undefined, 'bob')
  let pieces = 0
  for (let round = 0; round < 40; round++) {
    for (let left = random(6); left > 0; left--) {
      await client.query(pick(statements)()).catch(() => undefined)
    }
    const before = contents(snapshot)
    const previous = snapshot
    const load = await incremental.load(previous, 'bob')
    snapshot = load.snapshot
    if (load.rows < count) pieces += 1
    // Nobody who still looks at the one before may see it change.
    expect(contents(previous)).toEqual(before)
    const whole = side()
    const { snapshot: expected } = await whole.load(undefined, 'bob')
    await whole.close()
    expect(contents(snapshot)).toEqual(contents(expected))
  }
  expect(pieces).toBeGreaterThan(10)
  await incremental.close()
})
