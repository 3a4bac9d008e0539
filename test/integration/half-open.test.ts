import { connect, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, bind, execute, flush, parse, query, sync, terminate } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'

/** One end is gone, or half of one, while the other still works. */

const ready = 'Z\0\0\0\x05I'
const login = startupPacket({ user: 'postgres', database: 'postgres', application_name: 'leg' })
const sleeping =
  "SELECT FROM pg_stat_activity WHERE application_name = 'leg' AND wait_event = 'PgSleep'"
const stuck =
  "SELECT FROM pg_stat_activity WHERE application_name = 'leg' AND wait_event = 'ClientWrite'"
const legs = "SELECT FROM pg_stat_activity WHERE application_name = 'leg'"

let postgres: ScratchPostgres
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
  admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    database: 'postgres',
  })
  await admin.connect()
  await admin.query('CREATE TABLE left_behind (n int)')
})

afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

async function loggedIn(proxy: ProxyUnderTest, parameters = {}): Promise<RawClient> {
  const raw = await RawClient.connect(proxy.port)
  raw.send(
    Object.keys(parameters).length === 0
      ? login
      : startupPacket({
          user: 'postgres',
          database: 'postgres',
          application_name: 'leg',
          ...parameters,
        }),
  )
  await raw.until((text) => text.includes(ready))
  return raw
}

async function untilCount(text: string, count: number): Promise<void> {
  await expect.poll(async () => (await admin.query(text)).rowCount, { timeout: 20_000 }).toBe(count)
}

/** Reads what a client has left unread, without looking at each piece of so much. */
async function readToEnd(raw: RawClient): Promise<string> {
  const chunks: Buffer[] = []
  raw.socket.removeAllListeners('data')
  raw.socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  raw.socket.resume()
  await raw.closed()
  return Buffer.concat(chunks).toString('latin1')
}

/** A client that has ended its side and reads on. */
function halfClosed(port: number, bytes: Buffer): Promise<string> {
  const socket: Socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  socket.end(bytes)
  return new Promise((resolve) => socket.once('close', () => resolve(text)))
}

describe('a client that ends its side', () => {
  it('gets what it still asked for, as from the server itself', async () => {
    const bytes = Buffer.concat([
      login,
      query('SELECT 1 FROM pg_sleep(0.3)'),
      ask('INSERT INTO left_behind VALUES (1)'),
      sync(),
      query("SELECT repeat('x', 300000)"),
    ])
    const proxy = await startProxy(postgres)
    const [direct, through] = await Promise.all([
      halfClosed(postgres.port, bytes),
      halfClosed(proxy.port, bytes),
    ])
    const afterLogin = (text: string) => text.slice(text.indexOf(ready))
    expect(afterLogin(through)).toBe(afterLogin(direct))
    expect(through.length).toBeGreaterThan(300_000)
    const records = await proxy.finish()
    expect(statementsOf(records)).toMatchObject([
      { command: 'SELECT', outcome: 'success', rows: 1 },
      { command: 'INSERT', outcome: 'success', rows: 1 },
      { command: 'SELECT', outcome: 'success', rows: 1 },
    ])
    expect(records.find(({ command }) => command === 'disconnection')).toMatchObject({
      outcome: 'success',
      detail: { reason: 'client' },
    })
  })
})

describe('a client that is gone', () => {
  it('has what it asked for recorded with what came of it', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy)
    raw.send(query('INSERT INTO left_behind SELECT 2 FROM pg_sleep(0.5)'))
    await untilCount(sleeping, 1)
    raw.socket.resetAndDestroy()
    const records = await proxy.recordsUntil((all) =>
      all.some(({ command }) => command === 'disconnection'),
    )
    expect(statementsOf(records)).toMatchObject([
      { command: 'INSERT', outcome: 'success', rows: 1 },
    ])
    expect(records.find(({ command }) => command === 'disconnection')).toMatchObject({
      detail: { reason: 'client lost (ECONNRESET)' },
    })
    await untilCount(legs, 0)
    await proxy.finish()
  })

  it('is seen at once by a server that looks (client_connection_check_interval)', async () => {
    const proxy = await startProxy(postgres)
    const options = '-c client_connection_check_interval=100ms'
    const raw = await loggedIn(proxy, { options })
    raw.send(query('SELECT pg_sleep(3600)'))
    await untilCount(sleeping, 1)
    raw.socket.resetAndDestroy()
    await untilCount(legs, 0)
    const records = await proxy.recordsUntil((all) =>
      all.some(({ command }) => command === 'disconnection'),
    )
    const end = statementsOf(records).find((record) => record['phase'] !== 'start')
    expect(end).toMatchObject({ command: 'SELECT', outcome: 'unknown' })
    await proxy.finish()
  })

  it('does not keep a server busy that has much to say', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy)
    raw.send(query("SELECT generate_series(1, 2000000000), repeat('x', 1000)"))
    await raw.until((text) => text.length > 10_000)
    raw.socket.resetAndDestroy()
    await untilCount(legs, 0)
    const records = await proxy.recordsUntil((all) =>
      all.some(({ command }) => command === 'disconnection'),
    )
    expect(statementsOf(records).find((record) => record['phase'] !== 'start')).toMatchObject({
      command: 'SELECT',
      outcome: 'unknown',
      rows: expect.any(Number),
    })
    await proxy.finish()
  })

  it('in the middle of a message does not have it completed', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy)
    const whole = query('INSERT INTO left_behind VALUES (313)')
    raw.send(query('SELECT 1'), whole.subarray(0, -1))
    await raw.until((text) => text.includes('SELECT 1\0'))
    raw.socket.resetAndDestroy()
    await untilCount(legs, 0)
    const records = await proxy.finish()
    expect(statementsOf(records)).toHaveLength(1)
    expect((await admin.query('SELECT FROM left_behind WHERE n = 313')).rowCount).toBe(0)
  })

  it('in an open transaction has it rolled back, and the trail says so', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy)
    raw.send(query('BEGIN'), query('INSERT INTO left_behind VALUES (414)'))
    await raw.until((text) => text.includes('INSERT 0 1\0'))
    raw.socket.resetAndDestroy()
    await untilCount(legs, 0)
    const records = await proxy.finish()
    expect(records).toContainEqual(
      expect.objectContaining({ command: 'transaction end', session: expect.anything() }),
    )
    expect((await admin.query('SELECT FROM left_behind WHERE n = 414')).rowCount).toBe(0)
  })
})

describe('a server that is gone', () => {
  it('is told to the client at once, in its own words, and behind its last rows', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy)
    raw.send(query("SELECT 'last rows'; SELECT pg_sleep(3600)"))
    await untilCount(sleeping, 1)
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leg'",
    )
    const text = await raw.closed()
    expect(text).toContain('C57P01')
    expect(text.indexOf('last rows')).toBeLessThan(text.indexOf('C57P01'))
    const records = await proxy.finish()
    expect(records.find(({ command }) => command === 'disconnection')).toMatchObject({
      sqlstate: '57P01',
      detail: { reason: 'server' },
    })
  })
})

describe('an error of our own', () => {
  const broken = message('q', 'x')
  const large = "SELECT repeat('y', 1000) FROM generate_series(1, 60000)"

  it.each([
    ['simple queries', [query('SELECT 11 AS a'), query(large), query('SELECT 12 AS b')]],
    [
      'an extended pipeline',
      [ask('SELECT 11 AS a'), sync(), ask(large), ask('SELECT 12 AS b'), sync()],
    ],
    ['an extended pipeline with Flush alone', [parse('', large), bind('', ''), execute(), flush()]],
  ])('stands behind all answers that are owed: %s, client not reading', async (name, pipeline) => {
    const proxy = await startProxy(postgres, { audit: { start_after: 0 } })
    const raw = await loggedIn(proxy)
    raw.socket.pause()
    // 60 MB of answers find no room while nobody reads: everything on the way is full.
    raw.send(...pipeline, broken, query('INSERT INTO left_behind VALUES (515)'))
    await proxy.recordsUntil((all) => all.some(({ sqlstate }) => sqlstate === '08P01'))
    await untilCount(stuck, 1)
    const text = await readToEnd(raw)
    const rows = text.split('y'.repeat(1000)).length - 1
    const error = text.indexOf("invalid frontend message type 'q'")
    expect(rows).toBe(60_000)
    expect(error).toBeGreaterThan(text.lastIndexOf('y'.repeat(1000)))
    expect(text.slice(error)).not.toContain(ready)
    if (!name.endsWith('alone')) {
      expect(text.lastIndexOf('SELECT 1\0', error)).toBeGreaterThan(
        text.lastIndexOf('SELECT 60000'),
      )
      expect(text.slice(0, error).lastIndexOf(ready)).toBeGreaterThan(
        text.lastIndexOf('SELECT 1\0'),
      )
    }
    const records = await proxy.finish()
    const outcomes = statementsOf(records).map(({ outcome }) => outcome)
    expect(outcomes).toEqual(
      name.endsWith('alone') ? ['success'] : ['success', 'success', 'success'],
    )
    expect((await admin.query('SELECT FROM left_behind WHERE n = 515')).rowCount).toBe(0)
  })

  it('is not sent to a client that says goodbye in order', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy)
    raw.send(query('SELECT 1'), terminate())
    expect(await raw.closed()).toMatch(/SELECT 1\0Z\0\0\0\x05I$/)
    await proxy.finish()
  })
})
