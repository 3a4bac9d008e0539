import { once } from 'node:events'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cuttingOfEnvironment } from '../support/chunk-splitter.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, type TrailRecord } from '../support/proxy.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'

const cutting = cuttingOfEnvironment()
const is_whole = cutting === undefined
const sessions = 200
/**
 * Enough for records of more than `audit.queue`; PGWITNESS_STATEMENTS=1000 tries more. Each in many
 * pieces that pass one after the other, so many would take minutes.
 */
const statements_each = {
  whole: Number(process.env['PGWITNESS_STATEMENTS'] ?? 250),
  seed: 50,
  bytes: 10,
}[cutting === 'bytes' ? 'bytes' : is_whole ? 'whole' : 'seed']
/** Far more than the buffers of all sockets between the server and its client hold. */
const rows_unread = is_whole ? 300 : 60

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    settings: { max_connections: '300' },
    hba: ['host all all 127.0.0.1/32 trust', 'local all all trust'],
  })
})

afterAll(async () => {
  await postgres.stop()
})

describe('many sessions', () => {
  it('leave as many records as statements, every one whole, in bounded memory', async () => {
    const proxy = await startProxy(postgres, { audit: { queue: '8MiB' } })
    const clients = await Promise.all(
      Array.from({ length: sessions }, (_, n) => proxy.client({ application_name: `load ${n}` })),
    )
    let largest_rss = 0
    const watch = setInterval(() => {
      largest_rss = Math.max(largest_rss, process.memoryUsage().rss)
    }, 50)
    await Promise.all(clients.map((client, n) => work(client, n)))
    clearInterval(watch)
    // Whole texts with their numbers, counted per session.
    const seen = new Map<string, number>()
    let last_seq = 0
    const records = await proxy.finish()
    for (const record of records) {
      expect(record.seq).toBe(last_seq + 1)
      last_seq = record.seq
      if (record.statement === undefined) continue
      const application = String(record.session?.['application'])
      const count = seen.get(application) ?? 0
      expect(record.statement.text).toBe(`SELECT ${application.slice(5)} AS session, ${count} AS n`)
      seen.set(application, count + 1)
    }
    expect(seen.size).toBe(sessions)
    for (const count of seen.values()) expect(count).toBe(statements_each)
    // The test's own clients and the read-back live in this process too: the bound is generous.
    expect(largest_rss).toBeLessThan(1_500 * 1024 * 1024)
  }, 600_000)
})

async function work(client: pg.Client, session: number): Promise<void> {
  for (let n = 0; n < statements_each; n++) {
    await client.query(`SELECT ${session} AS session, ${n} AS n`)
  }
}

describe('back-pressure', () => {
  it('a client that does not read makes the server wait, not our memory grow', async () => {
    const proxy = await startProxy(postgres)
    const raw = await RawClient.connect(proxy.port)
    raw.send(startupPacket({ user: 'postgres', database: 'postgres' }))
    await raw.until((text) => text.includes('Z\0\0\0\x05I'))
    raw.socket.pause()
    global.gc?.()
    const before = process.memoryUsage().rss
    const total_bytes = rows_unread * 1024 * 1024
    raw.send(message('Q', `SELECT repeat('x', 1048576) FROM generate_series(1, ${rows_unread})\0`))
    // The server is stuck in its write once nobody takes its rows: it waits on ClientWrite.
    const observer = await proxy.client()
    await untilRow(
      observer,
      "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND query LIKE 'SELECT repeat%'",
    )
    const held = process.memoryUsage().rss - before
    expect(held).toBeLessThan(150 * 1024 * 1024)
    // And all of it comes once the client reads.
    let received = 0
    // The last message may come in pieces.
    let tail = ''
    raw.socket.removeAllListeners('data')
    raw.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      tail = (tail + chunk.subarray(-6).toString('latin1')).slice(-6)
      if (received > total_bytes && tail === 'Z\0\0\0\x05I') {
        raw.socket.emit('all')
      }
    })
    const all = once(raw.socket, 'all')
    raw.socket.resume()
    await all
    raw.end()
    const isEnd = (record: TrailRecord) =>
      record.statement?.text.startsWith('SELECT repeat') === true && record['phase'] !== 'start'
    const records = await proxy.recordsUntil((some) => some.some(isEnd))
    expect(records.find(isEnd)).toMatchObject({ rows: rows_unread, outcome: 'success' })
    await proxy.stop()
  })

  it('a server that does not read makes the client wait', async () => {
    const proxy = await startProxy(postgres)
    const blocker = await proxy.client()
    await blocker.query('CREATE TABLE slow (t text)')
    const raw = await RawClient.connect(proxy.port)
    raw.send(startupPacket({ user: 'postgres', database: 'postgres' }))
    await raw.until((text) => text.includes('Z\0\0\0\x05I'))
    const before = process.memoryUsage().rss
    await blocker.query('BEGIN; LOCK TABLE slow')
    // The server waits for the lock and reads nothing of what follows.
    raw.send(message('Q', 'SELECT count(*) FROM slow\0'))
    const piece = Buffer.concat(
      Array.from({ length: 64 }, () => message('Q', `SELECT '${'y'.repeat(64 * 1024)}'\0`)),
    )
    let sent = 0
    let blocked = false
    while (sent < 40 && !blocked) {
      blocked = !raw.socket.write(piece) && raw.socket.writableLength > 32 * 1024 * 1024
      sent++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(raw.socket.writableLength).toBeGreaterThan(16 * 1024 * 1024)
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024)
    raw.end()
    await blocker.query('ROLLBACK')
    await proxy.stop()
  })
})

/** Asks again until the query gives a row. */
async function untilRow(client: pg.Client, query: string): Promise<void> {
  while ((await client.query(query)).rowCount === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
