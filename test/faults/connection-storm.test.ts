import { type Socket, connect as tcp } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { query, terminate } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, type TrailRecord } from '../support/proxy.js'
import { ipv4Header, localHeader } from '../support/proxy-headers.js'
import { type Random, randomOf } from '../support/random.js'
import { codePacket, message, startupPacket } from '../support/raw-client.js'
import { gssenc_request, ssl_request } from '../support/tls-client.js'

/** Clients that leave at any moment, in any way: nothing of them may stay behind. */

const seed = 20261122
const clients = 150
const places = 20
/** The proxy throws out who is idle, or has not logged in, after a second. */
const patience_ms = 1_500
const login = startupPacket({ user: 'trusted', database: 'postgres' })
const hello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
const cancel = Buffer.concat([codePacket(80877102), Buffer.alloc(8, 7)])
cancel.writeInt32BE(cancel.length)

/** What a client may send in one go, whatever came before. */
const words: readonly Buffer[] = [
  login,
  login.subarray(0, 11),
  startupPacket({ user: 'nobody', database: 'postgres' }),
  startupPacket({ user: 'asked', database: 'postgres' }),
  startupPacket({ user: 'trusted' }, 0x0002_0000),
  codePacket(ssl_request),
  codePacket(gssenc_request),
  Buffer.concat([codePacket(ssl_request), hello]),
  hello,
  cancel,
  Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  message('p', 'secret\0'),
  query('SELECT 1'),
  query("SELECT repeat('x', 100000), pg_sleep(0.05)"),
  query('BEGIN'),
  query('COPY (SELECT generate_series(1, 100000)) TO STDOUT'),
  query('SELECT 1').subarray(0, 7),
  message('P', '\0SELECT 1\0\0\0'),
  message('?', 'what'),
  terminate(),
]
const headers: readonly Buffer[] = [
  ipv4Header([192, 0, 2, 7], 4711),
  localHeader(),
  Buffer.from('PROXY UNKNOWN\r\n'),
  Buffer.from('PROXY TCP4 1.2'),
  Buffer.from('nothing of the kind'),
]

const leave: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end(),
  (socket) => socket.destroy(),
  // Node resets no socket that TLS lies upon.
  (socket) => ('encrypted' in socket ? socket.destroy() : socket.resetAndDestroy()),
  // Waits to be thrown out.
  () => {},
]

/** One client with a random life; resolves when its socket is closed. */
async function live(port: number, random: Random, balanced: boolean): Promise<void> {
  const one = <T>(list: readonly T[]): T => list[random(list.length)] as T
  const socket = tcp({ host: '127.0.0.1', port, allowHalfOpen: random(2) === 0 })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  if (balanced && random(8) > 0) socket.write(random(3) > 0 ? (headers[0] as Buffer) : one(headers))
  let talk: Socket = socket
  if (random(3) === 0) {
    // All of TLS, as far as the peer goes along.
    if (random(2) === 0) {
      socket.write(codePacket(ssl_request))
      await Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed])
    }
    if (socket.destroyed) return
    talk = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ['postgresql'] })
    talk.on('error', () => {})
    if (random(3) > 0) {
      await Promise.race([new Promise((resolve) => talk.once('secureConnect', resolve)), closed])
    }
  }
  if (random(3) === 0) talk.pause()
  else talk.resume()
  if (random(2) === 0) talk.write(login)
  for (let left = random(4); left > 0 && !socket.destroyed; left--) {
    talk.write(one(words))
    await delay(random(20))
  }
  const way = one(leave)
  way(way === leave[2] || random(2) === 0 ? talk : socket)
  // One that reads nothing would not hear of the end.
  if (way === leave[0] || way === leave[3]) talk.resume()
  // Within a transaction nobody is idle, and who leaves his side open is never closed by the other.
  const patience = setTimeout(() => socket.destroy(), patience_ms)
  await closed
  clearTimeout(patience)
}

/** Open sockets of this process, which is the clients' and the proxy's. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCPSocket|TLS|TCPConnect)/.test(kind))
    .length
}

const received = 'connection received'
/** What the trail may tell of a connection. */
const whole_stories: ReadonlySet<string> = new Set([
  `${received}, connection refused`,
  `${received}, authentication failed`,
  `${received}, connection authorized, disconnection`,
  `${received}, connection authorized, protocol violation, disconnection`,
])

describe.skipIf(!opensslInstalled())('a storm of clients (skips without openssl)', () => {
  const files = makeCertificates()
  let postgres: ScratchPostgres

  beforeAll(async () => {
    postgres = await startPostgres({
      settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      files: { 'server.crt': contentOf(files.cert), 'server.key': contentOf(files.key) },
      // By TLS or without: with `prefer` and `allow` some are let in at the second try.
      hba: [
        'hostnossl all trusted 127.0.0.1/32 trust',
        'hostssl all trusted 127.0.0.1/32 reject',
        'hostnossl all asked 127.0.0.1/32 reject',
        'host all all 127.0.0.1/32 scram-sha-256',
      ],
    })
    const { host, port, password } = postgres
    const admin = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
    await admin.connect()
    await admin.query('CREATE ROLE trusted LOGIN')
    await admin.query("CREATE ROLE asked LOGIN PASSWORD 'secret'")
    await admin.end()
  })

  afterAll(async () => {
    await postgres.stop()
  })

  const settings = (upstream_mode: string, balanced: boolean) => ({
    listen: {
      tls: { mode: 'allow', cert: files.cert, key: files.key, client_ca: files.ca },
      ...(balanced ? { proxy_protocol: ['127.0.0.1'] } : {}),
    },
    upstream: { tls: { mode: upstream_mode }, accept_trust: true },
    limits: { connections: places, startup_timeout: '1s', idle_timeout: '1s' },
    catalog: undefined,
  })

  it.each([
    ['disable', false],
    ['prefer', false],
    ['allow', true],
  ])(
    'leaves nothing behind (upstream.tls.mode %s, behind a load balancer: %s)',
    async (mode, balanced) => {
      const random = randomOf(seed)
      const proxy = await startProxy(postgres, settings(mode, balanced))
      let most = 0
      const lives = Array.from({ length: clients }, async () => {
        await delay(random(1_000))
        most = Math.max(most, sockets())
        await live(proxy.port, random, balanced)
      })
      await Promise.all(lives)
      expect(most).toBeGreaterThan(places)
      await expect.poll(sockets, { timeout: 20_000, interval: 50 }).toBe(0)
      if (!balanced) {
        // Every place is free again, and who takes it is served.
        const served = await Promise.all(Array.from({ length: places }, () => proxy.client()))
        for (const client of served) {
          expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        }
      }
      expectWholeStories(await proxy.finish())
    },
  )
})

/** Each connection begins once and ends once, whatever its client did. */
function expectWholeStories(records: readonly TrailRecord[]): void {
  const stories = new Map<unknown, string[]>()
  for (const record of records) {
    if (record.class !== 'CONNECT' || record.command === 'cancel request') continue
    const id = record.session?.['id']
    stories.set(id, [...(stories.get(id) ?? []), record.command])
  }
  const told = new Map<string, number>()
  for (const story of stories.values()) {
    const text = story.join(', ')
    told.set(text, (told.get(text) ?? 0) + 1)
  }
  expect([...told.keys()].filter((story) => !whole_stories.has(story))).toEqual([])
  // A storm that blows past nothing would show nothing.
  expect(told.size).toBeGreaterThan(2)
}
