import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  contentOf,
  makeCertificates,
  opensslInstalled,
  type TestCertificates,
} from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

const roles = ['any_way', 'only_tls', 'only_plain', 'with_certificate', 'unknown'] as const

describe.skipIf(!opensslInstalled())('the leg to the server (skips without openssl)', () => {
  let files: TestCertificates
  let strangers: TestCertificates
  let postgres: ScratchPostgres
  let without_tls: ScratchPostgres

  beforeAll(async () => {
    files = makeCertificates()
    strangers = makeCertificates()
    ;[postgres, without_tls] = await Promise.all([
      startPostgres({
        settings: {
          ssl: 'on',
          ssl_cert_file: 'server.crt',
          ssl_key_file: 'server.key',
          ssl_ca_file: 'ca.crt',
        },
        files: {
          'server.crt': contentOf(files.cert),
          'server.key': contentOf(files.key),
          'ca.crt': contentOf(files.ca),
        },
        hba: [
          'host all postgres,any_way 127.0.0.1/32 scram-sha-256',
          'hostssl all only_tls 127.0.0.1/32 scram-sha-256',
          'hostnossl all only_plain 127.0.0.1/32 scram-sha-256',
          'hostssl all with_certificate 127.0.0.1/32 scram-sha-256 clientcert=verify-ca',
        ],
      }),
      startPostgres({ hba: ['host all postgres 127.0.0.1/32 scram-sha-256'] }),
    ])
    const admin = new pg.Client({
      host: postgres.host,
      port: postgres.port,
      user: 'postgres',
      password: postgres.password,
      database: 'postgres',
    })
    await admin.connect()
    for (const role of roles.slice(0, 4)) {
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${postgres.password}'`)
    }
    await admin.end()
  })

  afterAll(async () => {
    await Promise.all([postgres.stop(), without_tls.stop()])
  })

  const ways = [
    ['disable', 'any_way', 'plain'],
    ['disable', 'only_tls', '28000'],
    ['disable', 'only_plain', 'plain'],
    ['allow', 'any_way', 'plain'],
    ['allow', 'only_tls', 'TLS'],
    ['allow', 'only_plain', 'plain'],
    ['allow', 'unknown', '28000'],
    ['prefer', 'any_way', 'TLS'],
    ['prefer', 'only_tls', 'TLS'],
    ['prefer', 'only_plain', 'plain'],
    ['prefer', 'unknown', '28000'],
    ['require', 'any_way', 'TLS'],
    ['require', 'only_plain', '28000'],
    ['require', 'with_certificate', '28000'],
    ['verify-ca', 'any_way', 'TLS'],
    ['verify-full', 'only_tls', 'TLS'],
  ] as const

  it.each(ways)('by mode %s for the user %s is %s', async (mode, user, expected) => {
    const verifies = mode.startsWith('verify')
    const tls = verifies ? { mode, ca: files.ca } : { mode }
    const host = verifies ? 'localhost' : '127.0.0.1'
    const proxy = await startProxy(postgres, { upstream: { host, tls } })
    const attempt = proxy.client({ user })
    if (expected === '28000') {
      await expect(attempt).rejects.toMatchObject({ code: '28000' })
    } else {
      const client = await attempt
      const shown = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
      expect(shown.rows).toEqual([{ ssl: expected === 'TLS' }])
    }
    const records = await proxy.finish()
    const of = (command: string) =>
      records.filter((record) => record.class === 'CONNECT' && record.command === command)
    // However often the server was asked, the trail tells it once.
    expect(of('connection received')).toHaveLength(1)
    expect(of('authentication failed')).toHaveLength(expected === '28000' ? 1 : 0)
    expect(of('connection authorized')).toHaveLength(expected === '28000' ? 0 : 1)
  })

  it('gives the client the last refusal alone', async () => {
    for (const [mode, last] of [
      ['allow', 'SSL encryption'],
      ['prefer', 'no encryption'],
    ] as const) {
      const proxy = await startProxy(postgres, { upstream: { tls: { mode } } })
      const raw = await RawClient.connect(proxy.port)
      // A version of the future: what the server says of it comes before its refusal.
      raw.send(startupPacket({ user: 'unknown', database: 'postgres' }, 0x0003_270f))
      const text = await raw.closed()
      expect(text.match(/no pg_hba\.conf entry/g)).toHaveLength(1)
      expect(text.match(/^v/g)).toHaveLength(1)
      expect(text).toContain(last)
      const records = await proxy.finish()
      const failed = records.filter((record) => record.command === 'authentication failed')
      expect(failed).toHaveLength(1)
      expect(failed[0]?.message).toContain(last)
    }
  })

  it('is not tried twice after a challenge', async () => {
    for (const mode of ['allow', 'prefer']) {
      const before = postgres.log().split('password authentication failed').length
      const proxy = await startProxy(postgres, { upstream: { tls: { mode } } })
      const attempt = proxy.client({ user: 'any_way', password: 'wrong' })
      await expect(attempt).rejects.toMatchObject({ code: '28P01' })
      await proxy.finish()
      expect(postgres.log().split('password authentication failed').length - before).toBe(1)
    }
  })

  it('by allow keeps the refusal of a server that has no TLS', async () => {
    const tls = { mode: 'allow' }
    const proxy = await startProxy(without_tls, { upstream: { tls } })
    await expect(proxy.client({ user: 'unknown' })).rejects.toMatchObject({
      code: '28000',
      message: expect.stringContaining('no pg_hba.conf entry'),
    })
    const records = await proxy.finish()
    expect(records.filter((record) => record.sqlstate === '28000')).toHaveLength(1)
    expect(records.filter((record) => record.class === 'SYSTEM')).toHaveLength(0)
  })

  it('reads the catalog by the same way, where the server takes only one', async () => {
    const hba = `${postgres.data_directory}/pg_hba.conf`
    const lines = contentOf(hba)
    const catalog = { user: 'only_tls' }
    for (const [mode, only] of [
      ['allow', 'hostssl all only_tls'],
      ['prefer', 'hostnossl all only_tls'],
    ] as const) {
      postgres.writeFile('pg_hba.conf', lines.replace('hostssl all only_tls', only))
      await postgres.restart()
      const proxy = await startProxy(postgres, { upstream: { tls: { mode } }, catalog })
      await proxy.catalogKnown()
      await proxy.finish()
    }
    postgres.writeFile('pg_hba.conf', lines)
    await postgres.restart()
  })

  describe('shows a certificate', () => {
    it('that the server asks for', async () => {
      const tls = { mode: 'require', cert: files.client_cert, key: files.client_key }
      const proxy = await startProxy(postgres, { upstream: { tls } })
      const client = await proxy.client({ user: 'with_certificate' })
      const shown = await client.query<{ client_dn: string }>(
        'SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      )
      expect(shown.rows).toEqual([{ client_dn: '/CN=postgres' }])
      await proxy.finish()
    })

    it('that the server does not know, and the client is told why it is not served', async () => {
      const tls = { mode: 'require', cert: strangers.client_cert, key: strangers.client_key }
      const proxy = await startProxy(postgres, { upstream: { tls } })
      await expect(proxy.client({ user: 'with_certificate' })).rejects.toMatchObject({
        code: '08001',
        message: expect.stringMatching(/alert|closed the connection/),
      })
      const records = await proxy.finish()
      expect(records).toContainEqual(
        expect.objectContaining({ command: 'connection refused', sqlstate: '08001' }),
      )
    })
  })

  it('refuses an authority that it does not know', async () => {
    const tls = { mode: 'verify-ca', ca: strangers.ca }
    const proxy = await startProxy(postgres, { upstream: { tls } })
    await expect(proxy.client()).rejects.toMatchObject({ code: '08001' })
    await proxy.finish()
  })

  it('is no way for what somebody puts behind the answer to the SSLRequest', async () => {
    const liar = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.write('SR\0\0\0\x08\0\0\0\0'))
    }).listen(0, '127.0.0.1')
    await once(liar, 'listening')
    const address = liar.address()
    if (address === null || typeof address === 'string') throw new Error('no port was assigned')
    const upstream = { port: address.port, tls: { mode: 'prefer' } }
    const proxy = await startProxy(postgres, { upstream })
    await expect(proxy.client()).rejects.toMatchObject({
      code: '08001',
      message: expect.stringContaining('unexpected answer to the request for TLS'),
    })
    await proxy.finish()
    liar.close()
  })

  it.each([
    ['closes at once', () => Buffer.alloc(0), 'the server closed the connection'],
    ['closes after a challenge', () => challenge, 'the server closed the connection'],
    ['has no process for it', () => unframed, 'could not fork new process for connection'],
  ])('tells of a server that %s', async (_what, words, expected) => {
    // Stands for a server in trouble, which no real one can be made to be.
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(words()))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port was assigned')
    const upstream = { port: address.port, tls: { mode: 'disable' } }
    const proxy = await startProxy(postgres, { upstream })
    const raw = await RawClient.connect(proxy.port)
    raw.send(startupPacket({ user: 'any_way', database: 'postgres' }))
    const text = await raw.closed()
    expect(text).toMatch(/0800[16]\0/)
    expect(text).toContain(expected)
    expect(await proxy.finish()).toContainEqual(
      expect.objectContaining({
        command: 'connection refused',
        message: expect.stringContaining(expected),
      }),
    )
    server.close()
  })
})

/** What a server says that cannot start a process. */
const unframed = Buffer.from('Ecould not fork new process for connection: try later\n\0')
/** AuthenticationCleartextPassword. */
const challenge = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])
