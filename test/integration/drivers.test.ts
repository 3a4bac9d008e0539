import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import createSql from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'

let postgres: ScratchPostgres
let proxy: ProxyUnderTest

beforeAll(async () => {
  postgres = await startPostgres()
  proxy = await startProxy(postgres)
  const client = await proxy.client()
  await client.query('CREATE TABLE item (id int PRIMARY KEY, name text)')
  await client.end()
})

afterAll(async () => {
  await proxy.stop()
  await postgres.stop()
})

/**
 * Records of the statements of the session with this application name, in order; without those of
 * the beginning, which a slow machine has more of.
 */
async function recordsOf(application: string, count: number): Promise<TrailRecord[]> {
  const mine = (records: TrailRecord[]) =>
    statementsOf(records).filter(
      ({ phase, session }) => phase === undefined && session?.['application'] === application,
    )
  return mine(await proxy.recordsUntil((records) => mine(records).length >= count))
}

describe('pg', () => {
  it('prepares, re-executes and binds parameters, NULL apart from an empty string', async () => {
    const client = await proxy.client({ application_name: 'pg prepared' })
    const text = 'INSERT INTO item VALUES ($1, $2) RETURNING id'
    await client.query({ name: 'add', text, values: [1, 'one'] })
    await client.query({ name: 'add', text, values: [2, null] })
    await client.query({ name: 'add', text, values: [3, ''] })
    await expect(client.query({ name: 'add', text, values: [3, 'again'] })).rejects.toMatchObject({
      code: '23505',
    })
    await client.end()
    const records = await recordsOf('pg prepared', 4)
    expect(records).toHaveLength(4)
    expect(records.map((record) => [record.outcome, record.parameters])).toEqual([
      ['success', ['1', 'one']],
      ['success', ['2', null]],
      ['success', ['3', '']],
      ['failure', ['3', 'again']],
    ])
    expect(records[3]).toMatchObject({ sqlstate: '23505', class: 'WRITE', command: 'INSERT' })
    for (const record of records) {
      expect(record.statement).toMatchObject({ text, name: 'add', protocol: 'extended' })
    }
  })

  it('runs several statements of one Query, each with its own text', async () => {
    const client = await proxy.client({ application_name: 'pg multi' })
    await client.query("UPDATE item SET name = 'é;' WHERE id = 1; SELECT count(*) FROM item;")
    await expect(
      client.query('DELETE FROM item WHERE id = 2; SELECT 1/0; DELETE FROM item'),
    ).rejects.toMatchObject({ code: '22012' })
    await client.end()
    const records = await recordsOf('pg multi', 5)
    expect(
      records.map((record) => [record.class, record.outcome, record.statement?.text, record.rows]),
    ).toEqual([
      ['WRITE', 'success', "UPDATE item SET name = 'é;' WHERE id = 1", 1],
      ['READ', 'success', 'SELECT count(*) FROM item', 1],
      ['WRITE', 'success', 'DELETE FROM item WHERE id = 2', 1],
      ['READ', 'failure', 'SELECT 1/0', undefined],
      ['WRITE', 'skipped', 'DELETE FROM item', undefined],
    ])
    const all = await proxy.recordsUntil((some) =>
      some.some((record) => record.command === 'transaction end'),
    )
    expect(all).toContainEqual(
      expect.objectContaining({
        command: 'transaction end',
        detail: expect.objectContaining({ fate: 'rolled back' }),
      }),
    )
  })

  it('reads by cursor and stream, with suspended portals', async () => {
    const client = await proxy.client({ application_name: 'pg cursor' })
    const cursor = client.query(new Cursor('SELECT * FROM generate_series(1, 5) AS n'))
    expect(await cursor.read(2)).toHaveLength(2)
    expect(await cursor.read(10)).toHaveLength(3)
    await cursor.close()
    const stream = client.query(
      new QueryStream('SELECT * FROM generate_series(1, $1) AS n', [250], { batchSize: 100 }),
    )
    let rows = 0
    for await (const _row of stream) rows++
    expect(rows).toBe(250)
    await client.end()
    const records = await recordsOf('pg cursor', 5)
    expect(records.map((record) => [record.outcome, record.rows])).toEqual([
      ['suspended', 2],
      ['success', 3],
      ['suspended', 100],
      ['suspended', 100],
      ['success', 50],
    ])
    const uids = records.map((record) => record.statement?.['uid'])
    expect(uids[0]).toBe(uids[1])
    expect(new Set(uids.slice(2)).size).toBe(1)
    expect(uids[0]).not.toBe(uids[2])
  })

  it('copies in and out, and records bytes and rows', async () => {
    const client = await proxy.client({ application_name: 'pg copy' })
    await client.query('CREATE TEMP TABLE load (n int, t text)')
    const lines = Array.from({ length: 10_000 }, (_, n) => `${n}\trow ${n}\n`)
    const bytes = Buffer.byteLength(lines.join(''))
    await pipeline(Readable.from(lines), client.query(copyFrom('COPY load FROM STDIN')))
    const out = client.query(copyTo('COPY load TO STDOUT'))
    let received = 0
    out.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await once(out, 'end')
    expect(received).toBe(bytes)
    const failing = pipeline(
      Readable.from(['1\tgood\n', 'bad\n']),
      client.query(copyFrom('COPY load FROM STDIN')),
    )
    await expect(failing).rejects.toMatchObject({ code: '22P02' })
    await client.end()
    const records = await recordsOf('pg copy', 4)
    expect(records.map((record) => [record.class, record.command, record.outcome])).toEqual([
      ['DDL', 'CREATE TABLE', 'success'],
      ['WRITE', 'COPY', 'success'],
      ['READ', 'COPY', 'success'],
      ['WRITE', 'COPY', 'failure'],
    ])
    expect(records[1]).toMatchObject({ rows: 10_000, bytes_in: bytes })
    expect(records[2]).toMatchObject({ rows: 10_000, bytes_out: bytes })
    expect(records[2]?.objects).toMatchObject([{ name: 'pg_temp.load' }])
  })

  it('passes notifications on', async () => {
    const listener = await proxy.client({ application_name: 'pg listen' })
    await listener.query('LISTEN news')
    const arrived = once(listener, 'notification')
    const speaker = await proxy.client()
    await speaker.query("NOTIFY news, 'hello'")
    const [notification] = await arrived
    expect(notification).toMatchObject({ channel: 'news', payload: 'hello' })
    await listener.end()
    await speaker.end()
  })

  it('relays large results and large statements byte for byte', async () => {
    const client = await proxy.client({ application_name: 'pg large' })
    const { rows } = await client.query(
      "SELECT md5(string_agg(repeat(n::text, 50), ',' ORDER BY n)) AS sum, string_agg(repeat(n::text, 50), ',' ORDER BY n) AS text FROM generate_series(1, 40000) AS n",
    )
    const check = await client.query('SELECT md5($1::text) AS sum', [rows[0].text])
    expect(check.rows[0].sum).toBe(rows[0].sum)
    const literal = 'x'.repeat(3 * 1024 * 1024)
    const large = await client.query(`SELECT length('${literal}') AS n`)
    expect(large.rows).toEqual([{ n: literal.length }])
    await client.end()
    const records = await recordsOf('pg large', 3)
    expect(records[1]?.['parameters_cut']).toBe(true)
    expect(records[2]?.statement).toMatchObject({ length: literal.length + 22 })
    expect(records[2]?.statement?.['sha256']).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('postgres (the npm driver)', () => {
  it('pipelines, runs transactions, streams and copies', async () => {
    const sql = createSql({
      host: '127.0.0.1',
      port: proxy.port,
      user: 'postgres',
      password: postgres.password,
      database: 'postgres',
      max: 1,
      connection: { application_name: 'postgres.js' },
      onnotice: () => {},
      fetch_types: false,
    })
    const answers = await Promise.all([1, 2, 3].map((n) => sql`SELECT ${n}::int AS n`))
    expect(answers.map(([row]) => row?.['n'])).toEqual([1, 2, 3])
    await sql.begin(async (transaction) => {
      await transaction`INSERT INTO item VALUES (100, 'hundred')`
      await transaction`SELECT name FROM item WHERE id = 100`
    })
    await expect(
      sql.begin(async (transaction) => {
        await transaction`DELETE FROM item WHERE id = 100`
        await transaction`SELECT * FROM missing_table`
      }),
    ).rejects.toMatchObject({ code: '42P01' })
    let rows = 0
    for await (const batch of sql`SELECT * FROM generate_series(1, 30)`.cursor(10)) {
      rows += batch.length
    }
    expect(rows).toBe(30)
    await sql.end()
    const records = (await recordsOf('postgres.js', 12)).filter(
      (record) => record.class === 'WRITE',
    )
    expect(records.map((record) => [record.command, record.outcome])).toEqual([
      ['INSERT', 'success'],
      ['DELETE', 'success'],
    ])
    expect(records[0]?.transaction?.state).toBe('open')
    expect(records[0]?.objects).toMatchObject([{ name: 'public.item' }])
  })
})

describe('cancellation by a driver', () => {
  it('interrupts the statement and leaves both records', async () => {
    const sql = createSql({
      host: '127.0.0.1',
      port: proxy.port,
      user: 'postgres',
      password: postgres.password,
      database: 'postgres',
      max: 1,
      connection: { application_name: 'canceller' },
      fetch_types: false,
    })
    const sleeping = sql`SELECT pg_sleep(60)`.execute()
    const failure = expect(sleeping).rejects.toMatchObject({ code: '57014' })
    const observer = await proxy.client()
    const running = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    while ((await observer.query(running)).rowCount === 0);
    sleeping.cancel()
    await failure
    await sql.end()
    const records = await recordsOf('canceller', 1)
    expect(records.at(-1)).toMatchObject({
      class: 'READ',
      outcome: 'cancelled',
      sqlstate: '57014',
      statement: { text: 'SELECT pg_sleep(60)' },
    })
    const all = await proxy.recordsUntil((some) =>
      some.some((record) => record.command === 'cancel request'),
    )
    expect(all.some((record) => record.command === 'cancel request')).toBe(true)
  })
})

describe('pg clients of all kinds', () => {
  it('are many at once, and each record belongs to its session', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, n) => proxy.client({ application_name: `many ${n}` })),
    )
    await Promise.all(
      clients.map(async (client: pg.Client, n) => {
        for (let round = 0; round < 10; round++) {
          await client.query(`SELECT ${n} AS session, ${round} AS round`)
        }
        await client.end()
      }),
    )
    for (let n = 0; n < clients.length; n++) {
      const records = await recordsOf(`many ${n}`, 10)
      expect(records.map((record) => record.statement?.text)).toEqual(
        Array.from({ length: 10 }, (_, round) => `SELECT ${n} AS session, ${round} AS round`),
      )
    }
  })
})
