import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { CancelRelay } from '../../src/proxy/cancel.js'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { configOf, Gate, startGated } from '../support/gated-proxy.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'
import { serverMajor } from '../support/server-binaries.js'
import { connectByTls } from '../support/tls-client.js'

const cancel_code = 80877102
const ready = 'Z\0\0\0\x05I'

/** A raw session, and what it needs to be cancelled. */
interface Session {
  readonly raw: RawClient
  readonly pid: number
  readonly cancel_packet: Buffer
}

function cancelPacket(pid: number, key: Buffer): Buffer {
  const packet = Buffer.alloc(12 + key.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(cancel_code, 4)
  packet.writeInt32BE(pid, 8)
  key.copy(packet, 12)
  return packet
}

/** Logs in; `version` 3.2 gives a long key. */
async function openSession(port: number, version?: number): Promise<Session> {
  const raw = await RawClient.connect(port)
  raw.send(startupPacket({ user: 'trusted', database: 'postgres' }, version))
  await raw.until((text) => text.includes(ready))
  const at = raw.received.indexOf('K\0\0')
  const length = raw.received.readInt32BE(at + 1)
  const pid = raw.received.readInt32BE(at + 5)
  const key = raw.received.subarray(at + 9, at + 1 + length)
  return { raw, pid, cancel_packet: cancelPacket(pid, key) }
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1
}

/** Sends a query, and waits for its end. */
async function ask(session: Session, text: string): Promise<string> {
  const before = session.raw.text.length
  const turns = countOf(session.raw.text, ready)
  session.raw.send(message('Q', `${text}\0`))
  return (await session.raw.until((all) => countOf(all, ready) > turns)).slice(before)
}

describe.skipIf(!opensslInstalled())('a cancel request (skips without openssl)', () => {
  const files = makeCertificates()
  let postgres: ScratchPostgres
  let admin: pg.Client
  const proxies = new Map<string, ProxyUnderTest>()

  beforeAll(async () => {
    postgres = await startPostgres({
      settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      files: { 'server.crt': contentOf(files.cert), 'server.key': contentOf(files.key) },
      hba: ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
    })
    const { host, port, password } = postgres
    admin = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
    await admin.connect()
    await admin.query('CREATE ROLE trusted LOGIN')
    const tls = { cert: files.cert, key: files.key }
    for (const [name, listen_mode, upstream_mode] of [
      ['open', 'allow', 'disable'],
      ['by TLS to the server', 'allow', 'require'],
      ['TLS required', 'require', 'require'],
    ] as const) {
      const listen = { tls: { mode: listen_mode, ...tls } }
      const upstream = { tls: { mode: upstream_mode } }
      proxies.set(name, await startProxy(postgres, { listen, upstream }))
    }
  })

  afterAll(async () => {
    for (const proxy of proxies.values()) await proxy.finish()
    await admin.end()
    await postgres.stop()
  })

  function proxyOf(name: string): ProxyUnderTest {
    const proxy = proxies.get(name)
    if (proxy === undefined) throw new Error(`no proxy named ${name}`)
    return proxy
  }

  /** Waits until the server works on a statement of this session. */
  async function running(pid: number): Promise<void> {
    for (;;) {
      const found = await admin.query(
        `SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'
          AND query ~ 'pg_sleep|pg_advisory'`,
        [pid],
      )
      if (found.rowCount === 1) return
    }
  }

  /** A statement that the server works on until it is let go. */
  async function waitingStatement(session: Session) {
    await admin.query('SELECT pg_advisory_lock(7)')
    const asked = ask(session, 'SELECT 7 FROM pg_advisory_xact_lock(7)')
    await running(session.pid)
    return { asked, letGo: () => admin.query('SELECT pg_advisory_unlock(7)') }
  }

  it.each([
    ['in plaintext', 'open', 'plain'],
    ['in TLS', 'open', 'TLS'],
    ['in direct TLS', 'open', 'direct'],
    ['in plaintext, though TLS is required', 'TLS required', 'plain'],
    ['in TLS, on by TLS', 'by TLS to the server', 'TLS'],
    ['in plaintext, on by TLS', 'by TLS to the server', 'plain'],
  ] as const)('is delivered %s', async (_how, name, way) => {
    const proxy = proxyOf(name)
    // The way of the session itself does not matter.
    const session = await openSession(proxyOf('open').port)
    const asked = ask(session, 'SELECT pg_sleep(50)')
    await running(session.pid)
    const alpn = { ALPNProtocols: ['postgresql'] }
    const raw =
      way === 'plain'
        ? await RawClient.connect(proxy.port)
        : (await connectByTls(proxy.port, { direct: way === 'direct', ...alpn })).raw
    raw.send(session.cancel_packet)
    expect(await raw.closed()).toBe('')
    expect(await asked).toContain('C57014')
    session.raw.end()
    const isCancel = (record: { command: string; detail?: Readonly<Record<string, unknown>> }) =>
      record.command === 'cancel request' && record.detail?.['pid'] === session.pid
    const records = await proxy.recordsUntil((all) => all.some(isCancel))
    // One record tells of it, by whatever way it came.
    const port = records.find(isCancel)?.session?.['client_port']
    expect(records.filter((record) => record.session?.['client_port'] === port)).toHaveLength(1)
  })

  it.skipIf(serverMajor() < 18)(
    'with the long key of protocol 3.2 (PostgreSQL 18) is delivered',
    async () => {
      const proxy = proxyOf('open')
      const session = await openSession(proxy.port, 0x0003_0002)
      expect(session.cancel_packet.length).toBeGreaterThan(16)
      const asked = ask(session, 'SELECT pg_sleep(50)')
      await running(session.pid)
      const raw = await RawClient.connect(proxy.port)
      raw.send(session.cancel_packet)
      await raw.closed()
      expect(await asked).toContain('C57014')
      session.raw.end()
    },
  )

  it('for nobody, or with a wrong key, does nothing and says nothing', async () => {
    const proxy = proxyOf('open')
    const session = await openSession(proxy.port)
    const { asked, letGo } = await waitingStatement(session)
    for (const packet of [
      cancelPacket(1, Buffer.alloc(4)),
      cancelPacket(session.pid, Buffer.from('none')),
      cancelPacket(session.pid, Buffer.alloc(256)),
    ]) {
      const raw = await RawClient.connect(proxy.port)
      raw.send(packet)
      expect(await raw.closed()).toBe('')
    }
    await letGo()
    expect(await asked).toContain('SELECT 1')
    session.raw.end()
  })

  it('with a key of no possible length is refused and recorded', async () => {
    const proxy = await startProxy(postgres)
    for (const length of [0, 3, 257]) {
      const raw = await RawClient.connect(proxy.port)
      raw.send(cancelPacket(1, Buffer.alloc(length)))
      expect(await raw.closed()).toContain('08P01')
    }
    const records = await proxy.finish()
    expect(records.filter((record) => record.sqlstate === '08P01')).toHaveLength(3)
    expect(records.map((record) => record.command)).not.toContain('cancel request')
  })

  it('from an address that is not allowed is recorded, and goes nowhere', async () => {
    const proxy = await startProxy(postgres, { listen: { allow: ['192.0.2.0/24'] } })
    const session = await openSession(proxyOf('open').port)
    const { asked, letGo } = await waitingStatement(session)
    const raw = await RawClient.connect(proxy.port)
    raw.send(session.cancel_packet)
    expect(await raw.closed()).toBe('')
    await letGo()
    expect(await asked).toContain('SELECT 1')
    session.raw.end()
    expect(await proxy.finish()).toContainEqual(
      expect.objectContaining({
        command: 'authentication failed',
        sqlstate: '28000',
        message: expect.stringContaining('listen.allow'),
      }),
    )
  })

  it.each(['open', 'by TLS to the server'])(
    'never hits the statement that follows its end (%s)',
    async (name) => {
      const proxy = proxyOf(name)
      const session = await openSession(proxy.port)
      for (let turn = 0; turn < 60; turn++) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(session.cancel_packet)
        await raw.closed()
        const answer = await ask(session, 'SELECT count(*) FROM generate_series(1, 30000)')
        expect(answer, `turn ${turn}`).toContain('SELECT 1')
      }
      session.raw.end()
    },
  )

  it('reaches the server at the pace that it can take', async () => {
    let open = 0
    let most = 0
    let seen = 0
    const sockets = new Set<Socket>()
    // Counts only: whether a cancel is heeded is the server's business.
    const counter = createServer((socket) => {
      sockets.add(socket)
      open++
      seen++
      most = Math.max(most, open)
      socket.on('error', () => {})
      socket.once('data', () => setImmediate(() => socket.end()))
      socket.once('close', () => {
        open--
        sockets.delete(socket)
      })
    }).listen(0, '127.0.0.1')
    await once(counter, 'listening')
    const address = counter.address()
    if (address === null || typeof address === 'string') throw new Error('no port was assigned')
    const { upstream } = configOf({ port: address.port, tls: { mode: 'disable' } })
    const material = { ca: undefined, cert: undefined, key: undefined }
    const relay = new CancelRelay(upstream, material, () => false)
    const total = limits.cancels_at_once * 5
    const packet = cancelPacket(1, Buffer.alloc(4))
    const sender = { opened() {}, givenUp: () => false }
    await Promise.all(Array.from({ length: total }, () => relay.relay(packet, 1, sender)))
    expect(seen).toBe(total)
    expect(most).toBeLessThanOrEqual(limits.cancels_at_once)
    expect(most).toBeGreaterThan(1)
    counter.close()
  })

  it('waits for a statement that is held back while the trail is full', async () => {
    const gate = new Gate()
    // Whatever the machine does meanwhile, the server gets the cancel when it is at work.
    const spy = await startSpy(postgres, async () => await running(session.pid))
    const proxy = await startGated(spy, gate)
    const session = await openSession(proxy.port)
    expect(await ask(session, 'SELECT 1')).toContain('SELECT 1')
    gate.close()
    expect(await ask(session, 'SELECT 2')).toContain('SELECT 1')
    // Its record comes when its text is parsed, and finds no room.
    await gate.refused
    // One chunk still passes; the end of this text does not, so that the server cannot begin.
    const asked = ask(session, `SELECT pg_sleep(50) /* ${'x'.repeat(200_000)} */`)
    const cancel = await RawClient.connect(proxy.port)
    cancel.send(session.cancel_packet)
    const first = await Promise.race([cancel.closed().then(() => 'delivered'), delay(300, 'waits')])
    expect(first).toBe('waits')
    expect(spy.passed).toEqual([])
    gate.open()
    expect(await cancel.closed()).toBe('')
    expect(await asked).toContain('C57014')
    expect(spy.passed).toEqual(['the end of the statement', 'the cancel'])
    session.raw.end()
    await proxy.stop()
    spy.close()
    const texts = statementsOf(gate.records).map((record) => record.statement?.text.slice(0, 19))
    expect(texts).toEqual(['SELECT 1', 'SELECT 2', 'SELECT pg_sleep(50)'])
  })

  it('does not wait while the server works, whatever is held back', async () => {
    const gate = new Gate()
    const proxy = await startGated(postgres, gate)
    const session = await openSession(proxy.port)
    const turns = countOf(session.raw.text, ready)
    session.raw.send(message('Q', 'SELECT pg_sleep(50)\0'))
    await running(session.pid)
    // More requests than may be outstanding: the later ones wait with us.
    session.raw.send(
      ...Array.from({ length: limits.pending_requests + 100 }, () => message('Q', ';\0')),
    )
    const cancel = await RawClient.connect(proxy.port)
    cancel.send(session.cancel_packet)
    expect(await cancel.closed()).toBe('')
    await session.raw.until((text) => countOf(text, ready) > turns)
    expect(session.raw.text).toContain('C57014')
    session.raw.end()
    await proxy.stop()
  })
})

/** What stands between proxy and server, and tells in which order two things have come to it. */
async function startSpy(postgres: ScratchPostgres, before_cancel: () => Promise<void>) {
  const passed: string[] = []
  const server = createServer((near) => {
    const far = connect({ host: postgres.host, port: postgres.port })
    for (const socket of [near, far]) socket.on('error', () => {})
    let end = ''
    near.on('data', async (chunk: Buffer) => {
      end = (end + chunk.subarray(-4).toString('latin1')).slice(-4)
      if (end === ' */\0') passed.push('the end of the statement')
      if (chunk.length >= 16 && chunk.readInt32BE(4) === cancel_code) {
        passed.push('the cancel')
        await before_cancel()
      }
      far.write(chunk)
    })
    far.pipe(near)
    near.on('close', () => far.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was assigned')
  return { host: '127.0.0.1', port: address.port, passed, close: () => server.close() }
}
