import { existsSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { fakeServer } from '../support/fake-server.js'
import { query } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf, type TrailRecord } from '../support/proxy.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'
import { ssl_request } from '../support/tls-client.js'

/** What ends sessions that do nothing, and what does not. */

const ready = 'Z\0\0\0\x05I'
const login = startupPacket({ user: 'postgres', database: 'postgres', application_name: 'leg' })
const authentication_ok = message('R', Buffer.from([0, 0, 0, 0]))
const idle_timeout = { limits: { idle_timeout: '1s' } }

let postgres: ScratchPostgres
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['host all,replication all 127.0.0.1/32 trust'],
  })
  admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    database: 'postgres',
  })
  await admin.connect()
})

afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

const ended = (records: readonly TrailRecord[]) =>
  records.filter(({ command }) => command === 'disconnection')

const isOurs = (socket: Socket, take: () => void) =>
  socket.on('data', (chunk: Buffer) => {
    // The catalog's own connection is no client.
    if (!chunk.includes('pgwitness catalog')) take()
  })

describe('the time for a login', () => {
  it.each([
    ['says nothing more', authentication_ok],
    [
      'goes on without being ready',
      Buffer.concat([authentication_ok, message('S', 'a\0b\0'), message('K', Buffer.alloc(8))]),
    ],
    ['asks for the password of a silent client', message('R', Buffer.from([0, 0, 0, 3]))],
  ])('is over for a server that %s', async (_name, words) => {
    const server = await fakeServer((socket) => isOurs(socket, () => socket.write(words)))
    const proxy = await startProxy(postgres, {
      upstream: { port: server.port, tls: { mode: 'disable' } },
      limits: { startup_timeout: '1s' },
    })
    const raw = await RawClient.connect(proxy.port)
    raw.send(login)
    const text = await raw.closed()
    expect(text).toContain(words.toString('latin1'))
    expect(text).toContain('C08006')
    expect(text).toContain('no login within 1000 ms')
    const records = await proxy.finish()
    server.close()
    expect(records.filter(({ class: kind }) => kind === 'CONNECT')).toMatchObject([
      { command: 'connection received' },
      { command: 'connection refused', sqlstate: '08006', message: 'no login within 1000 ms' },
    ])
  })

  it('frees the places of limits.connections that stalled logins hold', async () => {
    const server = await fakeServer((socket) =>
      isOurs(socket, () => socket.write(authentication_ok)),
    )
    const proxy = await startProxy(postgres, {
      upstream: { port: server.port, tls: { mode: 'disable' } },
      limits: { startup_timeout: '1s', connections: 2 },
    })
    for (let round = 0; round < 2; round++) {
      const stalled = [await RawClient.connect(proxy.port), await RawClient.connect(proxy.port)]
      for (const raw of stalled) raw.send(login)
      for (const raw of stalled) expect(await raw.closed()).toContain('no login within')
    }
    await proxy.finish()
    server.close()
  })

  it.skipIf(!opensslInstalled()).each([
    ['before its first byte', codePacket(ssl_request), Buffer.alloc(0)],
    ['in the middle', codePacket(ssl_request), Buffer.from([0x16, 3, 1, 2, 0, 1, 0])],
    ['though nobody was asked for it', Buffer.alloc(0), Buffer.from([0x16, 3])],
  ])(
    'says nothing in a TLS handshake that stalls %s (skips without openssl)',
    async (_name, request, hello) => {
      const { cert, key } = makeCertificates()
      const proxy = await startProxy(postgres, {
        listen: { tls: { mode: 'allow', cert, key } },
        limits: { startup_timeout: '1s' },
      })
      const raw = await RawClient.connect(proxy.port)
      raw.send(request)
      const answer = request.length > 0 ? 'S' : ''
      await raw.until((text) => text === answer)
      raw.send(hello)
      // Words would be no record of TLS: it would be told of a wrong version.
      expect(await raw.closed()).toBe(answer)
      expect(await proxy.finish()).toContainEqual(
        expect.objectContaining({
          command: 'connection refused',
          sqlstate: '08006',
          message: 'no login within 1000 ms',
        }),
      )
    },
  )

  it('does not end a session that has logged in, however long it lasts', async () => {
    const proxy = await startProxy(postgres, { limits: { startup_timeout: '1s' } })
    const client = await proxy.client()
    await client.query('SELECT pg_sleep(1.5)')
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await proxy.finish()
  })
})

describe('limits.idle_timeout', () => {
  it('ends an idle session in the words of the server, and the record says so', async () => {
    const proxy = await startProxy(postgres, idle_timeout)
    const raw = await RawClient.connect(proxy.port)
    raw.send(login)
    await raw.until((text) => text.includes(ready))
    const started_ms = performance.now()
    raw.send(query('SELECT 1'))
    const text = await raw.closed()
    expect(performance.now() - started_ms).toBeGreaterThanOrEqual(1_000)
    expect(text).toContain('SFATAL\0VFATAL\0C57P05\0')
    expect(text).toContain('terminating connection due to idle-session timeout')
    const records = await proxy.recordsUntil((all) => ended(all).length === 1)
    expect(ended(records)).toMatchObject([
      { outcome: 'failure', sqlstate: '57P05', detail: { reason: 'idle timeout' } },
    ])
    // The server's side is closed as well.
    const left = "SELECT FROM pg_stat_activity WHERE application_name = 'leg'"
    await expect.poll(async () => (await admin.query(left)).rowCount).toBe(0)
    await proxy.finish()
  })

  it('counts from the end of the last statement, however long that ran', async () => {
    const proxy = await startProxy(postgres, idle_timeout)
    const client = await proxy.client()
    const failed = new Promise<Error>((resolve) => client.once('error', resolve))
    await client.query('SELECT pg_sleep(2.5)')
    const ready_ms = performance.now()
    expect(await failed).toMatchObject({ code: '57P05' })
    expect(performance.now() - ready_ms).toBeGreaterThanOrEqual(900)
    const records = await proxy.finish()
    expect(statementsOf(records).find((record) => record['phase'] !== 'start')).toMatchObject({
      outcome: 'success',
    })
  })

  it('spares a session in a transaction, in a failed one, in COPY, or with an open portal', async () => {
    const proxy = await startProxy(postgres, idle_timeout)
    const texts = ['BEGIN', 'BEGIN; SELECT 1/0', 'COPY pg_temp.held FROM STDIN', '']
    const held = await Promise.all(
      texts.map(async (text) => {
        const raw = await RawClient.connect(proxy.port)
        raw.send(login)
        await raw.until((said) => said.includes(ready))
        if (text.startsWith('COPY')) {
          raw.send(query('CREATE TEMP TABLE held (n int)'))
          await raw.until((said) => said.includes('CREATE TABLE\0'))
        }
        if (text !== '') raw.send(query(text))
        else {
          // An extended query without Sync: its implicit transaction is still open.
          raw.send(message('P', '\0SELECT 1\0\0\0'), message('B', Buffer.alloc(8)))
          raw.send(message('E', Buffer.alloc(5)), message('H'))
        }
        return raw
      }),
    )
    const standby = await RawClient.connect(proxy.port)
    standby.send(startupPacket({ user: 'postgres', replication: 'true' }))
    await standby.until((said) => said.includes(ready))
    standby.send(query('START_REPLICATION PHYSICAL 0/1000000'))
    expect(await standby.until((said) => said.includes('W\0\0\0'))).toContain('W\0\0\0')
    held.push(standby)
    // Sessions that came later and did nothing are gone, so the time of these was up as well.
    const idle = await RawClient.connect(proxy.port)
    idle.send(login)
    expect(await idle.closed()).toContain('57P05')
    for (const raw of held) {
      expect(raw.socket.readyState, raw.text).toBe('open')
      raw.end()
    }
    await proxy.finish()
  })

  it('ends a session whose client stalls within a message, which the server never runs', async () => {
    const proxy = await startProxy(postgres, idle_timeout)
    const raw = await RawClient.connect(proxy.port)
    raw.send(login)
    await raw.until((text) => text.includes(ready))
    raw.send(query('CREATE TABLE half_a_message ()').subarray(0, -1))
    expect(await raw.closed()).toContain('57P05')
    await proxy.finish()
    const { rowCount } = await admin.query("SELECT FROM pg_class WHERE relname = 'half_a_message'")
    expect(rowCount).toBe(0)
  })

  it('ends nobody who has not asked for it', async () => {
    const proxy = await startProxy(postgres)
    const client = await proxy.client()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await proxy.finish()
  })
})

/** Sockets of this machine with an armed keepalive timer, by local and remote port. */
function keptAlive(): ReadonlySet<string> {
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1)
  const alive = new Set<string>()
  for (const line of lines) {
    const [, local = '', remote = '', , , timer = ''] = line.trim().split(/\s+/)
    const portOf = (address: string) => Number.parseInt(address.slice(-4), 16)
    // 02 is the keepalive timer; behind it, when it is due, in hundredths of a second.
    const due_s = Number.parseInt(timer.slice(3), 16) / 100
    if (timer.startsWith('02:') && due_s < 100) alive.add(`${portOf(local)} ${portOf(remote)}`)
  }
  return alive
}

describe('a peer that vanished without a word', () => {
  it.skipIf(!existsSync('/proc/net/tcp'))(
    'is probed within minutes on both legs (skips without /proc/net/tcp)',
    async () => {
      const proxy = await startProxy(postgres)
      const raw = await RawClient.connect(proxy.port)
      raw.send(login)
      await raw.until((text) => text.includes(ready))
      const leg = "SELECT client_port FROM pg_stat_activity WHERE application_name = 'leg'"
      const { rows } = await admin.query(leg)
      await expect.poll(keptAlive).toContain(`${proxy.port} ${raw.socket.localPort}`)
      expect(keptAlive()).toContain(`${rows[0].client_port} ${postgres.port}`)
      raw.end()
      await proxy.finish()
    },
  )
})
