import { networkInterfaces } from 'node:os'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { query } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'
import { ipv4Header, ipv6Header, localHeader, textHeader } from '../support/proxy-headers.js'
import { codePacket, RawClient, startupPacket } from '../support/raw-client.js'

const ready = 'Z\0\0\0\x05I'
const ssl_request = 80877103
const trusted = startupPacket({ user: 'trusted', database: 'postgres' })
/** Asked for its password, so that the login is not one by trust. */
const challenged = startupPacket({ user: 'challenged', database: 'postgres' })
const balancer = { listen: { proxy_protocol: ['127.0.0.1/32'] } }
const trusting = { ...balancer, upstream: { accept_trust: true } }
const client_v1 = 'TCP4 192.0.2.7 198.51.100.2 40001 5432'

/** An address of this machine that is not loopback; undefined where there is none. */
const outside_address = Object.values(networkInterfaces())
  .flat()
  .find((entry) => entry?.family === 'IPv4' && !entry.internal)?.address

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
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
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

async function withProxy(
  settings: Readonly<Record<string, unknown>>,
  body: (proxy: ProxyUnderTest) => Promise<void>,
): Promise<TrailRecord[]> {
  const proxy = await startProxy(postgres, settings)
  try {
    await body(proxy)
  } catch (error) {
    await proxy.stop()
    throw error
  }
  return proxy.finish()
}

async function answered(raw: RawClient): Promise<void> {
  expect(await raw.until((text) => text.includes(ready))).toContain(ready)
}

const received = (records: readonly TrailRecord[]) =>
  records.filter(({ command }) => command === 'connection received')

describe('a connection from a load balancer', () => {
  it.each([
    ['version 1', textHeader(client_v1), '192.0.2.7', 40001],
    ['version 2', ipv4Header([192, 0, 2, 7], 40001, Buffer.from([4, 0, 1, 9])), '192.0.2.7', 40001],
    [
      'version 2, IPv6',
      ipv6Header([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 40001),
      '2001:db8::9',
      40001,
    ],
  ])('is that of the client that its header names: %s', async (_name, header, ip, port) => {
    const records = await withProxy(trusting, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      // In one segment with what comes behind it.
      raw.send(header, trusted, query('SELECT 1'))
      await raw.until((text) => text.includes('SELECT 1\0'))
      const via = { via: '127.0.0.1', via_port: raw.socket.localPort }
      raw.end()
      await proxy.recordsUntil((all) => all.some(({ command }) => command === 'disconnection'))
      expect(received(await proxy.records())).toMatchObject([{ detail: via }])
    })
    for (const record of [...received(records), ...statementsOf(records)]) {
      expect(record.session).toMatchObject({ client_ip: ip, client_port: port })
    }
    expect(statementsOf(records)).toHaveLength(1)
  })

  it('may send its header byte by byte', async () => {
    const records = await withProxy(trusting, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.socket.setNoDelay(true)
      for (const byte of Buffer.concat([textHeader(client_v1), trusted])) {
        await new Promise<void>((sent) => raw.socket.write(Buffer.from([byte]), () => sent()))
      }
      await answered(raw)
      raw.end()
    })
    expect(received(records)).toMatchObject([{ session: { client_ip: '192.0.2.7' } }])
  })

  it('is the load balancer itself where the header names nobody', async () => {
    const records = await withProxy(trusting, async (proxy) => {
      for (const header of [localHeader(), textHeader('UNKNOWN')]) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(header, trusted)
        await answered(raw)
        raw.end()
      }
    })
    expect(received(records)).toMatchObject([
      { session: { client_ip: '127.0.0.1' }, detail: { via: '127.0.0.1' } },
      { session: { client_ip: '127.0.0.1' }, detail: { via: '127.0.0.1' } },
    ])
  })

  it('leaves no record when it is the probe of a load balancer', async () => {
    const records = await withProxy(trusting, async (proxy) => {
      for (const bytes of [Buffer.alloc(0), localHeader()]) {
        const raw = await RawClient.connect(proxy.port)
        raw.socket.end(bytes)
        expect(await raw.closed()).toBe('')
      }
    })
    expect(records.filter((record) => record.class === 'CONNECT')).toEqual([])
  })

  it('is refused without a header, with words that say why', async () => {
    const records = await withProxy(trusting, async (proxy) => {
      for (const bytes of [trusted, codePacket(ssl_request), Buffer.from([0x16, 3, 1, 2, 0])]) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(bytes)
        const text = await raw.closed()
        expect(text).toContain('C08P01')
        expect(text).toContain('does not begin with a PROXY header')
        expect(text).toContain('listen.proxy_protocol lists this address')
      }
      // The usual driver is told the same.
      await expect(proxy.client()).rejects.toMatchObject({ code: '08P01' })
    })
    const refused = records.filter(({ command }) => command === 'connection refused')
    expect(refused).toHaveLength(4)
    expect(refused[0]).toMatchObject({ sqlstate: '08P01', session: { client_ip: '127.0.0.1' } })
    expect(statementsOf(records)).toEqual([])
  })

  it('is refused with a header that is malformed or cut short', async () => {
    const records = await withProxy(trusting, async (proxy) => {
      const malformed = await RawClient.connect(proxy.port)
      malformed.send(textHeader('TCP4 192.0.2.7 198.51.100.2 70000 5432'), trusted)
      expect(await malformed.closed()).toContain('malformed PROXY header')
      const cut = await RawClient.connect(proxy.port)
      cut.socket.end('PROXY TCP4 192')
      await cut.closed()
      await proxy.recordsUntil(
        (all) => all.filter(({ command }) => command === 'connection refused').length === 2,
      )
    })
    expect(received(records)).toHaveLength(2)
  })

  it('has the time for the login from its first moment', async () => {
    const settings = { ...trusting, limits: { startup_timeout: '1s' } }
    await withProxy(settings, async (proxy) => {
      const [half, whole] = [
        await RawClient.connect(proxy.port),
        await RawClient.connect(proxy.port),
      ]
      half.send(ipv4Header([192, 0, 2, 7], 1).subarray(0, 20))
      whole.send(textHeader(client_v1))
      expect(await half.closed()).toContain('no login within 1000 ms')
      expect(await whole.closed()).toContain('no login within 1000 ms')
    })
  })
})

describe('the client that a load balancer names', () => {
  it('is never local, so that a trust line does not let it in', async () => {
    const records = await withProxy(balancer, async (proxy) => {
      const headers = [
        textHeader('TCP4 127.0.0.1 127.0.0.1 40001 5432'),
        textHeader('TCP6 ::1 ::1 40001 5432'),
        ipv4Header([127, 0, 0, 1], 40001),
        localHeader(),
        textHeader('UNKNOWN'),
      ]
      for (const header of headers) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(header, trusted, query('SELECT 1'))
        const text = await raw.closed()
        expect(text).toContain('C28000')
        expect(text).toContain('asked no password')
      }
      const asked = await RawClient.connect(proxy.port)
      asked.send(textHeader(client_v1), challenged)
      expect(await asked.until((text) => text.includes('SCRAM'))).toContain('SCRAM-SHA-256')
      asked.end()
    })
    expect(statementsOf(records)).toEqual([])
  })

  it('is the one that listen.allow is about, and the load balancer is not', async () => {
    const settings = { ...trusting, listen: { ...balancer.listen, allow: ['192.0.2.0/24'] } }
    const records = await withProxy(settings, async (proxy) => {
      const inside = await RawClient.connect(proxy.port)
      inside.send(textHeader(client_v1), trusted)
      await answered(inside)
      inside.end()
      for (const header of [textHeader('TCP4 198.51.100.9 192.0.2.7 1 2'), localHeader()]) {
        const outside = await RawClient.connect(proxy.port)
        outside.send(header, trusted)
        expect(await outside.closed()).toContain('listen.allow')
      }
    })
    const refused = records.filter(({ command }) => command === 'authentication failed')
    expect(refused.map(({ session }) => session?.['client_ip'])).toEqual([
      '198.51.100.9',
      '127.0.0.1',
    ])
  })

  it('is the one that rules are about', async () => {
    const settings = { ...trusting, rules: [{ name: 'lab', client: ['192.0.2.0/24'] }] }
    const records = await withProxy(settings, async (proxy) => {
      for (const address of ['192.0.2.7', '198.51.100.9']) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(textHeader(`TCP4 ${address} 198.51.100.2 1 2`), trusted, query('SELECT 1'))
        await raw.until((text) => text.includes('SELECT 1\0'))
        raw.end()
      }
    })
    expect(statementsOf(records)).toMatchObject([
      { rules: ['lab'], session: { client_ip: '192.0.2.7' } },
    ])
  })

  it('is told of cancel requests, too', async () => {
    const records = await withProxy(trusting, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.send(
        textHeader(client_v1),
        Buffer.from([0, 0, 0, 16, 4, 210, 22, 46]),
        Buffer.from([0, 0, 0, 99, 0, 0, 0, 1]),
      )
      expect(await raw.closed()).toBe('')
    })
    expect(records).toContainEqual(
      expect.objectContaining({
        command: 'cancel request',
        session: expect.objectContaining({ client_ip: '192.0.2.7', client_port: 40001 }),
        detail: expect.objectContaining({ pid: 99, via: '127.0.0.1' }),
      }),
    )
  })
})

describe('any other address', () => {
  it('cannot name itself otherwise: its header is malformed input', async () => {
    const settings = { listen: { proxy_protocol: ['192.0.2.10'] } }
    const records = await withProxy(settings, async (proxy) => {
      for (const header of [textHeader(client_v1), ipv4Header([192, 0, 2, 7], 1)]) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(header, trusted)
        const text = await raw.closed()
        expect(text).toContain('C08P01')
        expect(text).toContain('a PROXY header where a startup packet was expected')
        expect(text).toContain('listen.proxy_protocol')
      }
      // Without one it is served as ever.
      expect((await (await proxy.client()).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    })
    for (const record of received(records)) {
      expect(record.session).toMatchObject({ client_ip: '127.0.0.1' })
      expect(record.detail).toBeUndefined()
    }
  })

  it.skipIf(outside_address === undefined)(
    'is told from the load balancer on the same port (skips without a network address)',
    async () => {
      const settings = {
        listen: { host: '0.0.0.0', proxy_protocol: [outside_address ?? ''] },
        upstream: { accept_trust: true },
      }
      const records = await withProxy(settings, async (proxy) => {
        const direct = await RawClient.connect(proxy.port)
        direct.send(trusted)
        await answered(direct)
        direct.end()
        const passed_on = await RawClient.connect(proxy.port, outside_address)
        passed_on.send(textHeader(client_v1), trusted)
        await answered(passed_on)
        passed_on.end()
      })
      expect(received(records)).toMatchObject([
        { session: { client_ip: '127.0.0.1' } },
        { session: { client_ip: '192.0.2.7' }, detail: { via: outside_address } },
      ])
    },
  )
})

describe.skipIf(!opensslInstalled())('TLS behind the header (skips without openssl)', () => {
  async function throughTls(header: Buffer, direct: boolean): Promise<TrailRecord[]> {
    const { cert, key, ca } = makeCertificates()
    const listen = { ...balancer.listen, tls: { mode: 'require', cert, key } }
    return withProxy({ ...trusting, listen }, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.socket.write(header)
      if (!direct) {
        raw.send(codePacket(ssl_request))
        await raw.until((text) => text === 'S')
      }
      raw.socket.removeAllListeners('data')
      const secure: TLSSocket = connectTls({
        socket: raw.socket,
        ca: contentOf(ca),
        servername: 'localhost',
        ALPNProtocols: ['postgresql'],
      })
      let text = ''
      secure.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (text.includes(ready)) secure.end()
      })
      secure.on('error', () => {})
      secure.write(trusted)
      await new Promise((resolve) => secure.once('close', resolve))
      expect(text).toContain(ready)
    })
  }

  it.each([
    ['by request, version 1', textHeader(client_v1), false],
    ['directly, version 2', ipv4Header([192, 0, 2, 7], 40001), true],
  ] as const)('%s', async (_name, header, direct) => {
    const records = await throughTls(header, direct)
    expect(records).toContainEqual(
      expect.objectContaining({
        command: 'connection authorized',
        session: expect.objectContaining({
          client_ip: '192.0.2.7',
          tls: expect.stringMatching(/^TLSv1\.[23]$/),
        }),
      }),
    )
  })
})
