import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { connect as connectTls } from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { cuttingOfEnvironment } from '../support/chunk-splitter.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'

const ssl_request = 80877103
const gssenc_request = 80877104

/** An address of this machine that is not loopback; undefined where there is none. */
const outside_address = Object.values(networkInterfaces())
  .flat()
  .find((entry) => entry?.family === 'IPv4' && !entry.internal)?.address

const is_split = cuttingOfEnvironment() !== undefined

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    hba: [
      'host all trusted 127.0.0.1/32 trust',
      'host all all 127.0.0.1/32 scram-sha-256',
      'local all all scram-sha-256',
    ],
  })
  const admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await admin.connect()
  await admin.query('CREATE ROLE trusted LOGIN')
  await admin.query('CREATE TABLE drops (n int)')
  await admin.query('GRANT ALL ON drops TO trusted')
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

async function withProxy(
  settings: Readonly<Record<string, unknown>>,
  body: (proxy: ProxyUnderTest) => Promise<void>,
): Promise<Awaited<ReturnType<ProxyUnderTest['finish']>>> {
  const proxy = await startProxy(postgres, settings)
  try {
    await body(proxy)
  } catch (error) {
    await proxy.stop()
    throw error
  }
  return proxy.finish()
}

describe('input that is not the protocol', () => {
  it('answers garbage on the port with an error, records it, and disturbs nobody', async () => {
    const records = await withProxy({}, async (proxy) => {
      const other = await proxy.client()
      const raw = await RawClient.connect(proxy.port)
      raw.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      expect(await raw.closed()).toContain('08P01')
      expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    })
    expect(records).toContainEqual(
      expect.objectContaining({
        class: 'CONNECT',
        command: 'connection refused',
        sqlstate: '08P01',
        outcome: 'failure',
      }),
    )
  })

  it('refuses a length field of 2 GiB in the startup packet and in a message', async () => {
    const records = await withProxy({}, async (proxy) => {
      const early = await RawClient.connect(proxy.port)
      early.send(Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]))
      expect(await early.closed()).toContain('invalid length of startup packet')

      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket({ user: 'trusted', database: 'postgres' }))
      await raw.until((text) => text.includes('Z\0\0\0\x05I'))
      raw.send(message('Q', 'SELECT 42\0'), 'Q', Buffer.from([0x7f, 0xff, 0xff, 0xff]))
      const text = await raw.closed()
      expect(text).toContain('SELECT 1\0')
      expect(text).toContain('invalid length 2147483647')
      // Our error stands behind the answers that were still owed.
      expect(text.indexOf('SELECT 1\0')).toBeLessThan(text.indexOf('invalid length'))
    })
    expect(statementsOf(records).map((record) => record.statement?.text)).toEqual(['SELECT 42'])
    expect(records.filter((record) => record.sqlstate === '08P01')).toHaveLength(2)
  })

  it('does not forward a message of a type that does not exist', async () => {
    await withProxy({}, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket({ user: 'trusted', database: 'postgres' }))
      await raw.until((text) => text.includes('Z\0\0\0\x05I'))
      raw.send(message('q', 'x'))
      expect(await raw.closed()).toContain("invalid frontend message type 'q'")
    })
    // Of a header that comes in pieces the first may be with the server already.
    const log = postgres.log()
    if (!is_split) expect(log).not.toContain('invalid frontend message type')
  })

  it('records texts that break the parser, and goes on analysing all others (corner 12)', async () => {
    const deep = (n: number) => `SELECT ${'('.repeat(20_000 + n)}1${')'.repeat(20_000 + n)}`
    const records = await withProxy({}, async (proxy) => {
      const [breaker, other] = await Promise.all([proxy.client(), proxy.client()])
      for (let n = 0; n < 35; n++) {
        await breaker.query(deep(n)).catch(() => {})
        await other.query(`SELECT ${n} AS undisturbed`)
      }
    })
    const statements = statementsOf(records).filter((record) => record['phase'] !== 'start')
    const undisturbed = statements.filter((record) =>
      record.statement?.text.includes('undisturbed'),
    )
    expect(undisturbed).toHaveLength(35)
    for (const record of undisturbed) {
      expect(record).toMatchObject({ class: 'READ', command: 'SELECT', outcome: 'success' })
      expect(record.analysis).toBeUndefined()
    }
    expect(statements).toHaveLength(70)
  })

  it('answers protocol 2 in its own unframed form (corner 24)', async () => {
    await withProxy({}, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket({ user: 'x' }, 131072))
      expect(await raw.closed()).toMatch(/^EFATAL: {2}unsupported frontend protocol 2\.0/)
    })
  })
})

describe('requests for encryption', () => {
  it('answers N to SSLRequest and GSSENCRequest and goes on, a few times only', async () => {
    await withProxy({}, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.send(codePacket(gssenc_request))
      await raw.until((text) => text === 'N')
      raw.send(codePacket(ssl_request))
      await raw.until((text) => text === 'NN')
      raw.send(startupPacket({ user: 'trusted', database: 'postgres' }))
      await raw.until((text) => text.includes('Z\0\0\0\x05I'))
      raw.end()

      const stubborn = await RawClient.connect(proxy.port)
      for (let round = 1; round <= 4; round++) {
        stubborn.send(codePacket(gssenc_request))
        await stubborn.until((text) => text.length >= round)
      }
      expect(await stubborn.closed()).toContain('too many requests for encryption')
    })
  })

  // Cut in two packets it is what a client may send: the answer had time to come in between.
  it.skipIf(is_split)(
    'refuses plaintext stuffed behind an SSLRequest (skips behind a chunk splitter)',
    async () => {
      await withProxy({}, async (proxy) => {
        const raw = await RawClient.connect(proxy.port)
        raw.send(codePacket(ssl_request), startupPacket({ user: 'trusted', database: 'postgres' }))
        expect(await raw.closed()).toContain('unencrypted data after the ssl request')
      })
    },
  )

  it.skipIf(!opensslInstalled())(
    'serves TLS, with client certificates, by request and directly (skips without openssl)',
    async () => {
      const files = makeCertificates()
      const tls = { mode: 'require', cert: files.cert, key: files.key, client_ca: files.ca }
      const records = await withProxy({ listen: { tls } }, async (proxy) => {
        const ssl = { ca: contentOf(files.ca), rejectUnauthorized: true, servername: 'localhost' }
        const client = await proxy.client({ ssl })
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        await expect(proxy.client({})).rejects.toThrow(/TLS only/)

        const direct = connectTls({
          host: '127.0.0.1',
          port: proxy.port,
          ca: contentOf(files.ca),
          servername: 'localhost',
          ALPNProtocols: ['postgresql'],
          cert: contentOf(files.client_cert),
          key: contentOf(files.client_key),
        })
        await new Promise((resolve) => direct.once('secureConnect', resolve))
        direct.write(startupPacket({ user: 'trusted', database: 'postgres' }))
        const answer = await new Promise<Buffer>((resolve) => direct.once('data', resolve))
        expect(answer.readUInt8(0)).toBe(0x52)
        direct.destroy()
      })
      const authorized = records.find((record) => record.command === 'connection authorized')
      expect(authorized?.session?.['tls']).toMatch(/^TLSv1\.[23]$/)
    },
  )
})

describe('who may connect', () => {
  it.skipIf(outside_address === undefined)(
    'refuses a remote client that the server lets in without a challenge (skips without a network address)',
    async () => {
      const host = outside_address ?? ''
      const records = await withProxy({ listen: { host: '0.0.0.0' } }, async (proxy) => {
        const raw = await RawClient.connect(proxy.port, host)
        // A statement in the startup packet's own write must not run either.
        raw.send(
          startupPacket({ user: 'trusted', database: 'postgres' }),
          message('Q', 'INSERT INTO drops VALUES (1)\0'),
        )
        const text = await raw.closed()
        expect(text).toContain('28000')
        expect(text).toContain('asked no password')
        const local = await proxy.client()
        expect((await local.query('SELECT count(*)::int AS n FROM drops')).rows).toEqual([{ n: 0 }])
      })
      expect(records).toContainEqual(
        expect.objectContaining({ command: 'authentication failed', sqlstate: '28000' }),
      )
    },
  )

  it.skipIf(outside_address === undefined)(
    'lets it in with upstream.accept_trust (skips without a network address)',
    async () => {
      const settings = { listen: { host: '0.0.0.0' }, upstream: { accept_trust: true } }
      await withProxy(settings, async (proxy) => {
        const client = await proxy.client({ host: outside_address ?? '', user: 'trusted' })
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      })
    },
  )

  it('refuses addresses that listen.allow does not name', async () => {
    const records = await withProxy({ listen: { allow: ['192.0.2.0/24'] } }, async (proxy) => {
      await expect(proxy.client()).rejects.toThrow(/listen\.allow/)
    })
    expect(records).toContainEqual(
      expect.objectContaining({ command: 'authentication failed', sqlstate: '28000' }),
    )
  })

  it('refuses sessions beyond limits.connections', async () => {
    await withProxy({ limits: { connections: 2 } }, async (proxy) => {
      await proxy.client()
      await proxy.client()
      await expect(proxy.client()).rejects.toMatchObject({ code: '53300' })
    })
  })
})

describe('the server', () => {
  it('tells the client at once when the server is down', async () => {
    const vacant = createServer()
    await new Promise<void>((resolve) => vacant.listen(0, '127.0.0.1', resolve))
    const address = vacant.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => vacant.close(resolve))
    const records = await withProxy({ upstream: { port } }, async (proxy) => {
      await expect(proxy.client()).rejects.toMatchObject({ code: '08001' })
    })
    expect(records).toContainEqual(
      expect.objectContaining({ class: 'SYSTEM', command: 'server unreachable' }),
    )
    expect(records).toContainEqual(
      expect.objectContaining({ command: 'connection refused', sqlstate: '08001' }),
    )
  })

  it('records what a client that vanished had asked, with what came of it', async () => {
    const records = await withProxy({}, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket({ user: 'trusted', database: 'postgres' }))
      await raw.until((text) => text.includes('Z\0\0\0\x05I'))
      raw.send(message('Q', 'INSERT INTO drops SELECT 7 FROM pg_sleep(0.2)\0'))
      raw.socket.end()
      await proxy.recordsUntil((all) => all.some((record) => record.command === 'INSERT'))
    })
    expect(statementsOf(records)).toMatchObject([
      { command: 'INSERT', outcome: 'success', rows: 1 },
    ])
  })

  it('passes cancel requests on and records both sides', async () => {
    const records = await withProxy({}, async (proxy) => {
      const client = await proxy.client()
      const pid: unknown = Reflect.get(client, 'processID')
      const key: unknown = Reflect.get(client, 'secretKey')
      const sleeping = client.query('SELECT pg_sleep(30)')
      const failure = expect(sleeping).rejects.toMatchObject({ code: '57014' })
      await proxy
        .client()
        .then((probe) =>
          probe.query(
            "SELECT 1 FROM pg_sleep(0.1), pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)'",
          ),
        )
      const cancel = await RawClient.connect(proxy.port)
      const packet = Buffer.alloc(16)
      packet.writeInt32BE(16, 0)
      packet.writeInt32BE(80877102, 4)
      packet.writeInt32BE(Number(pid), 8)
      packet.writeInt32BE(Number(key), 12)
      cancel.send(packet)
      expect(await cancel.closed()).toBe('')
      await failure
    })
    expect(records).toContainEqual(expect.objectContaining({ command: 'cancel request' }))
    expect(statementsOf(records)).toContainEqual(
      expect.objectContaining({ outcome: 'cancelled', sqlstate: '57014', command: 'SELECT' }),
    )
  })
})
