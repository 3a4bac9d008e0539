import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fakeServer } from '../support/fake-server.js'
import { Gate, startGated } from '../support/gated-proxy.js'
import { ask, copyData, copyDone, execute, query, sync, terminate } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'

/** Sessions when records can be kept nowhere. The trail is a gate that says so at the test's word. */

const ready = 'Z\0\0\0\x05I'
const open = 'Z\0\0\0\x05T'
const login = startupPacket({ user: 'postgres', database: 'postgres', application_name: 'leg' })
const refused = /SFATAL\0VFATAL\0C58030\0M[^\0]+\0H[^\0]+\0\0$/

let postgres: ScratchPostgres
let admin: pg.Client
let gate: Gate
let proxy: Awaited<ReturnType<typeof startGated>>

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
  const { host, port } = postgres
  admin = new pg.Client({ host, port, user: 'postgres', database: 'postgres' })
  await admin.connect()
})

afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

beforeEach(async () => {
  gate = new Gate()
  proxy = await startGated(postgres, gate)
  await admin.query('DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int)')
})

afterEach(async () => {
  gate.open()
  await proxy.stop()
})

async function loggedIn(): Promise<RawClient> {
  const raw = await RawClient.connect(proxy.port)
  raw.send(login)
  await raw.until((text) => text.includes(ready))
  return raw
}

async function rows(): Promise<number> {
  return (await admin.query('SELECT n FROM kept')).rowCount ?? 0
}

/** Waits until the server has no session of a client any more: whatever was open is over. */
async function sessionsOver(): Promise<void> {
  const text = "SELECT FROM pg_stat_activity WHERE application_name = 'leg'"
  await expect.poll(async () => (await admin.query(text)).rowCount, { timeout: 20_000 }).toBe(0)
}

const ends = () =>
  gate.records
    .filter(({ command }) => command === 'disconnection')
    .map(({ outcome, sqlstate }) => `${outcome} ${sqlstate}`)

describe('a session that asks for something', () => {
  it.each([
    ['a COMMIT', query('COMMIT')],
    ['a COMMIT in two pieces', query('COMMIT').subarray(0, 7), query('COMMIT').subarray(7)],
    ['another statement', query('INSERT INTO kept VALUES (2)')],
    ['a COMMIT of the extended protocol', ask('COMMIT'), sync()],
  ])('in a transaction, by %s, is ended, and the server rolls back', async (_name, ...parts) => {
    const raw = await loggedIn()
    raw.send(query('BEGIN; INSERT INTO kept VALUES (1)'))
    await raw.until((text) => text.endsWith(open))
    gate.fail('refuse')
    for (const part of parts) raw.send(part)
    expect(await raw.closed()).toMatch(refused)
    await sessionsOver()
    expect(await rows()).toBe(0)
    await expect.poll(ends, { timeout: 20_000 }).toEqual(['failure 58030'])
    expect(gate.records.some((record) => record.statement?.text.includes('COMMIT'))).toBe(false)
  })

  it('by a Sync, is ended before that commits its pipeline', async () => {
    const raw = await loggedIn()
    raw.send(ask('INSERT INTO kept VALUES (1)'), message('H'))
    await raw.until((text) => text.includes('INSERT 0 1'))
    gate.fail('refuse')
    raw.send(sync())
    expect(await raw.closed()).toMatch(refused)
    await sessionsOver()
    expect(await rows()).toBe(0)
  })

  it('by the end of a COPY, is ended, and none of its rows is kept', async () => {
    const raw = await loggedIn()
    raw.send(query('COPY kept FROM STDIN'))
    await raw.until((text) => text.includes('G\0\0\0'))
    raw.send(copyData('1\n'))
    gate.fail('refuse')
    raw.send(copyData('2\n'), copyDone())
    expect(await raw.closed()).toMatch(refused)
    await sessionsOver()
    expect(await rows()).toBe(0)
    await expect.poll(ends, { timeout: 20_000 }).toHaveLength(1)
    const copy = gate.records.find((record) => record.statement?.text.startsWith('COPY'))
    expect(copy).toMatchObject({ outcome: 'failure', class: 'WRITE' })
  })

  it('gets first the answer to what it had asked before, on record with its outcome', async () => {
    const raw = await loggedIn()
    raw.send(query('SELECT pg_sleep(1)::text, 42 AS answer'))
    const text =
      "SELECT FROM pg_stat_activity WHERE application_name='leg' AND wait_event='PgSleep'"
    await expect.poll(async () => (await admin.query(text)).rowCount, { timeout: 20_000 }).toBe(1)
    gate.fail('refuse')
    raw.send(query('INSERT INTO kept VALUES (1)'))
    const said = await raw.closed()
    expect(said).toContain('SELECT 1\0')
    expect(said).toMatch(refused)
    await expect.poll(ends, { timeout: 20_000 }).toHaveLength(1)
    const sleeping = gate.records.find((record) => record.statement?.text.includes('pg_sleep'))
    expect(sleeping?.outcome).toBe('success')
    expect(await rows()).toBe(0)
  })

  it('while its own records wait for room, is ended at once; they are kept', async () => {
    const raw = await loggedIn()
    gate.close()
    raw.send(query('INSERT INTO kept VALUES (1)'))
    await gate.refused
    raw.send(query('INSERT INTO kept VALUES (2)'))
    gate.fail('refuse')
    expect(await raw.closed()).toMatch(refused)
    await sessionsOver()
    expect(await rows()).toBe(1)
    gate.open()
    await expect.poll(ends, { timeout: 20_000 }).toEqual(['failure 58030'])
    const texts = gate.records.flatMap((record) => record.statement?.text ?? [])
    expect(texts).toEqual(['INSERT INTO kept VALUES (1)'])
  })

  it('gets 57P01 when the process is to end for it', async () => {
    const raw = await loggedIn()
    gate.fail('shutdown')
    raw.send(query('SELECT 1'))
    expect(await raw.closed()).toMatch(/C57P01\0M[^\0]*cannot keep records/)
  })
})

describe('a session that asks for nothing', () => {
  it('lives through the failure, and goes on when it is over', async () => {
    const raw = await loggedIn()
    raw.send(query('BEGIN; INSERT INTO kept VALUES (1)'))
    await raw.until((text) => text.endsWith(open))
    gate.fail('refuse')
    gate.fail(undefined)
    raw.send(query('COMMIT'))
    await raw.until((text) => text.endsWith(ready) && text.includes('COMMIT'))
    raw.end()
    expect(await rows()).toBe(1)
  })

  it('may leave', async () => {
    const raw = await loggedIn()
    gate.fail('refuse')
    raw.send(terminate())
    expect(await raw.closed()).not.toMatch(/FATAL/)
    await expect.poll(ends, { timeout: 20_000 }).toEqual(['success 00000'])
  })

  it('may not leave and ask for something with the same breath', async () => {
    const raw = await loggedIn()
    gate.fail('refuse')
    raw.send(query('INSERT INTO kept VALUES (1)'), terminate())
    expect(await raw.closed()).toMatch(refused)
    await sessionsOver()
    expect(await rows()).toBe(0)
  })

  it('is not taken for one because its last message is half a Terminate', async () => {
    const raw = await loggedIn()
    raw.send(ask('INSERT INTO kept VALUES (1)').subarray(0, 20))
    await expect.poll(() => proxy.listener.connections).toBe(1)
    gate.fail('refuse')
    raw.send(execute(), sync(), terminate())
    expect(await raw.closed()).toMatch(refused)
    await sessionsOver()
    expect(await rows()).toBe(0)
  })
})

describe('a login', () => {
  it('is refused before the server hears of it, and a cancel request too', async () => {
    let heard = 0
    const server = await fakeServer(() => heard++)
    const gated = new Gate()
    const other = await startGated({ host: '127.0.0.1', port: server.port }, gated)
    gated.fail('refuse')
    const raw = await RawClient.connect(other.port)
    raw.send(login)
    expect(await raw.closed()).toMatch(/SFATAL\0VFATAL\0C57P03\0M[^\0]+\0H[^\0]+\0\0$/)
    const cancel = await RawClient.connect(other.port)
    const packet = Buffer.concat([codePacket(80877102), Buffer.alloc(8, 7)])
    packet.writeInt32BE(packet.length)
    cancel.send(packet)
    expect(await cancel.closed()).toBe('')
    expect(heard).toBe(0)
    const commands = gated.records.map(({ command, sqlstate = '' }) => `${command} ${sqlstate}`)
    const story = ['connection received ', 'connection refused 57P03']
    expect(commands).toEqual([...story, ...story])
    gated.fail(undefined)
    await other.stop()
    server.close()
  })

  it('that was under way is refused before it is let in', async () => {
    const server = await fakeServer((socket) => {
      socket.once('data', () => {
        gate.fail('refuse')
        socket.write(message('R', Buffer.from([0, 0, 0, 0])))
      })
    })
    const other = await startGated({ host: '127.0.0.1', port: server.port }, gate)
    const raw = await RawClient.connect(other.port)
    raw.send(login)
    expect(await raw.closed()).toMatch(/C57P03/)
    gate.fail(undefined)
    await other.stop()
    server.close()
  })
})
