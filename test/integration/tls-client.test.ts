import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  contentOf,
  makeCertificates,
  opensslInstalled,
  type TestCertificates,
} from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { psql, psqlInstalled } from '../support/psql.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'
import { connectByTls, gssenc_request, ssl_request, startTls } from '../support/tls-client.js'

const startup = startupPacket({ user: 'trusted', database: 'postgres' })
const ready = (text: string) => text.includes('Z\0\0\0\x05I')
/** A fatal alert: words would be no TLS record. */
const handshake_failure = '\x15\x03\x01\x00\x02\x02\x28'
const alpn = { ALPNProtocols: ['postgresql'] }

describe.skipIf(!opensslInstalled())('TLS with the client (skips without openssl)', () => {
  let postgres: ScratchPostgres
  let files: TestCertificates
  let strangers: TestCertificates
  const proxies = new Map<string, ProxyUnderTest>()

  beforeAll(async () => {
    files = makeCertificates()
    strangers = makeCertificates()
    postgres = await startPostgres({
      hba: ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
    })
    for (const mode of ['disable', 'allow', 'require']) {
      const tls = { mode, cert: files.cert, key: files.key, client_ca: files.ca }
      const listen = { tls: mode === 'disable' ? { mode } : tls }
      proxies.set(mode, await startProxy(postgres, { listen }))
    }
    const setup = await proxyOf('disable').client()
    await setup.query('CREATE ROLE trusted LOGIN')
    await setup.end()
  })

  afterAll(async () => {
    for (const proxy of proxies.values()) await proxy.finish()
    await postgres.stop()
  })

  function proxyOf(mode: string): ProxyUnderTest {
    const proxy = proxies.get(mode)
    if (proxy === undefined) throw new Error(`no proxy of mode ${mode}`)
    return proxy
  }

  /** The record of the connection from this port that says how it went. */
  async function recordOf(proxy: ProxyUnderTest, port: number | undefined, command: string) {
    const isIt = (record: { command: string; session?: Readonly<Record<string, unknown>> }) =>
      record.command === command && record.session?.['client_port'] === port
    const records = await proxy.recordsUntil((all) => all.some(isIt))
    return records.find(isIt)
  }

  const served = { disable: 'plain', allow: 'TLS', require: 'TLS' }
  const wanted = [
    ['disable', 'disable', 'plain'],
    ['disable', 'allow', 'plain'],
    ['disable', 'prefer', 'plain'],
    ['disable', 'require', 'server does not support SSL'],
    ['disable', 'verify-ca', 'server does not support SSL'],
    ['disable', 'verify-full', 'server does not support SSL'],
    ['allow', 'disable', 'plain'],
    ['allow', 'allow', 'plain'],
    ['allow', 'prefer', 'TLS'],
    ['allow', 'require', 'TLS'],
    ['allow', 'verify-ca', 'TLS'],
    ['allow', 'verify-full', 'TLS'],
    ['require', 'disable', 'accepts connections with TLS only'],
    ['require', 'allow', 'TLS'],
    ['require', 'prefer', 'TLS'],
    ['require', 'require', 'TLS'],
    ['require', 'verify-ca', 'TLS'],
    ['require', 'verify-full', 'TLS'],
  ] as const

  it.skipIf(!psqlInstalled()).each(wanted)(
    'of mode %s serves libpq with sslmode=%s: %s (skips without psql)',
    async (mode, sslmode, expected) => {
      const proxy = proxyOf(mode)
      const application_name = `${mode} ${sslmode}`
      const result = await psql(
        {
          host: 'localhost',
          hostaddr: '127.0.0.1',
          port: proxy.port,
          user: 'postgres',
          password: postgres.password,
          dbname: 'postgres',
          sslmode,
          sslrootcert: sslmode === 'require' ? '/nonexistent' : files.ca,
          application_name,
        },
        'SELECT 42',
      )
      if (!Object.values<string>(served).includes(expected)) {
        expect(result.output).toContain(expected)
        return
      }
      expect(result).toEqual({ ok: true, output: '42' })
      const records = await proxy.recordsUntil((all) =>
        all.some((record) => record.session?.['application'] === application_name),
      )
      const authorized = records.find(
        (record) =>
          record.command === 'connection authorized' &&
          record.session?.['application'] === application_name,
      )
      expect(authorized?.session?.['tls'] === undefined ? 'plain' : 'TLS').toBe(expected)
    },
  )

  it.skipIf(!psqlInstalled())('is refused by libpq for a wrong name or authority', async () => {
    const to = {
      hostaddr: '127.0.0.1',
      port: proxyOf('require').port,
      user: 'trusted',
      dbname: 'postgres',
    }
    const named = { ...to, host: 'elsewhere', sslmode: 'verify-full', sslrootcert: files.ca }
    expect((await psql(named, 'SELECT 1')).output).toContain('does not match host name')
    const other = { ...to, host: 'localhost', sslmode: 'verify-ca', sslrootcert: strangers.ca }
    expect((await psql(other, 'SELECT 1')).output).toMatch(/certificate verify failed|EVP lib/)
  })

  describe('and certificates of clients', () => {
    it('takes one of the authority as a proof', async () => {
      const proxy = proxyOf('require')
      const { raw } = await connectByTls(proxy.port, {
        cert: contentOf(files.client_cert),
        key: contentOf(files.client_key),
      })
      raw.send(startup)
      expect(await raw.until(ready)).toMatch(/^R/)
      raw.end()
    })

    it('goes on without one', async () => {
      const { raw } = await connectByTls(proxyOf('require').port, {})
      raw.send(startup)
      expect(await raw.until(ready)).toMatch(/^R/)
      raw.end()
    })

    it.each([
      ['of another authority', () => strangers.client_cert, () => strangers.client_key],
      ['that has expired', () => files.expired_cert, () => files.client_key],
      ['that it issued itself', () => strangers.ca, () => strangers.ca.replace('.pem', '.key')],
    ])('refuses one %s with words and a record', async (_name, cert, key) => {
      const proxy = proxyOf('require')
      const { raw, secure } = await connectByTls(proxy.port, {
        cert: contentOf(cert()),
        key: contentOf(key()),
      })
      const port = secure.localPort
      raw.send(startup)
      const text = await raw.closed()
      expect(text).toContain('28000')
      expect(text).toContain('client certificate refused')
      expect(ready(text)).toBe(false)
      expect(await recordOf(proxy, port, 'authentication failed')).toMatchObject({
        sqlstate: '28000',
        message: expect.stringContaining('client certificate refused'),
      })
    })
  })

  describe('directly', () => {
    it('needs the ALPN protocol', async () => {
      const proxy = proxyOf('allow')
      const served = await connectByTls(proxy.port, { direct: true, ...alpn })
      served.raw.send(startup)
      expect(await served.raw.until(ready)).toMatch(/^R/)
      served.raw.end()

      const { raw, secure } = await connectByTls(proxy.port, { direct: true })
      const port = secure.localPort
      expect(await raw.closed()).toContain('direct TLS without the ALPN protocol')
      expect(await recordOf(proxy, port, 'connection refused')).toMatchObject({
        sqlstate: '08P01',
      })

      const wrong = connectByTls(proxy.port, { direct: true, ALPNProtocols: ['h2'] })
      await expect(wrong).rejects.toThrow(/no application protocol/i)
      const wrong_by_request = connectByTls(proxy.port, { ALPNProtocols: ['http/1.1'] })
      await expect(wrong_by_request).rejects.toThrow(/no application protocol/i)
    })

    it('is refused by an alert where TLS is off', async () => {
      const proxy = proxyOf('disable')
      const direct = connectByTls(proxy.port, { direct: true, ...alpn })
      await expect(direct).rejects.toThrow(/handshake failure/)
      await proxy.recordsUntil((all) =>
        all.some((record) => record.message?.includes('listen.tls.mode is disable') === true),
      )
    })

    it('answers N to a request for TLS within TLS, and goes on', async () => {
      const { raw } = await connectByTls(proxyOf('allow').port, { direct: true, ...alpn })
      raw.send(codePacket(ssl_request))
      expect(await raw.until((text) => text.length > 0)).toBe('N')
      raw.send(startup)
      await raw.until(ready)
      raw.end()
    })
  })

  describe('and what comes in between', () => {
    it('refuses a second request within TLS as the server words it', async () => {
      for (const [code, version] of [
        [ssl_request, '1234.5679'],
        [gssenc_request, '1234.5680'],
      ] as const) {
        const { raw } = await connectByTls(proxyOf('allow').port, {})
        raw.send(codePacket(code))
        expect(await raw.closed()).toContain(
          `0A000\0Munsupported frontend protocol ${version}: server supports 3.0 to 3.2`,
        )
      }
    })

    it('takes GSSENCRequest and SSLRequest in this order, and a handshake only at first', async () => {
      const socket = connect({ host: '127.0.0.1', port: proxyOf('require').port })
      await once(socket, 'connect')
      socket.write(codePacket(gssenc_request))
      expect(String((await once(socket, 'data'))[0])).toBe('N')
      socket.write(codePacket(ssl_request))
      expect(String((await once(socket, 'data'))[0])).toBe('S')
      const { raw } = await startTls(socket, {})
      raw.send(startup)
      await raw.until(ready)
      raw.end()

      const late = await RawClient.connect(proxyOf('require').port)
      late.send(codePacket(gssenc_request))
      await late.until((text) => text === 'N')
      late.send(Buffer.from([0x16, 3, 1, 0, 5]))
      const port = late.socket.localPort
      expect(await late.closed()).toBe(`N${handshake_failure}`)
      expect(await recordOf(proxyOf('require'), port, 'connection refused')).toMatchObject({
        message: 'a TLS handshake where a startup packet was expected',
      })
    })

    it('refuses a ClientHello and a startup packet stuffed behind the request', async () => {
      const proxy = proxyOf('allow')
      for (const stuffing of [Buffer.from([0x16]), Buffer.from([0x16, 3, 1, 2, 0]), startup]) {
        const raw = await RawClient.connect(proxy.port)
        raw.send(codePacket(ssl_request), stuffing)
        const text = await raw.closed()
        expect(text).toContain('unencrypted data after the ssl request')
        expect(text.startsWith('E')).toBe(true)
      }
    })

    it('never takes plaintext that comes before the handshake ends', async () => {
      const proxy = proxyOf('allow')
      const raw = await RawClient.connect(proxy.port)
      raw.send(codePacket(ssl_request))
      await raw.until((text) => text === 'S')
      // What a machine in the middle would like to have run within the user's session.
      raw.send(startup, message('Q', 'SELECT 1\0'))
      const port = raw.socket.localPort
      const text = await raw.closed()
      expect(text).not.toContain('R\0\0\0')
      expect(await recordOf(proxy, port, 'connection refused')).toMatchObject({
        sqlstate: '08P01',
        message: expect.stringContaining('TLS handshake failed'),
      })
    })

    it('takes a ClientHello that comes byte by byte', async () => {
      const proxy = proxyOf('allow')
      // The bytes that a client would send, caught from one.
      for (const direct of [false, true]) {
        const { raw } = await connectInPieces(proxy.port, direct)
        raw.send(startup)
        expect(await raw.until(ready)).toMatch(/^R/)
        raw.end()
      }
    })

    it('takes a startup packet in two records, cut anywhere', async () => {
      const proxy = proxyOf('allow')
      for (let cut = 1; cut < startup.length; cut++) {
        const { raw, secure } = await connectByTls(proxy.port, {})
        await new Promise((resolve) => secure.write(startup.subarray(0, cut), resolve))
        secure.write(startup.subarray(cut))
        expect(await raw.until(ready)).toMatch(/^R/)
        raw.end()
      }
    })

    it('words an error within TLS, too', async () => {
      const { raw } = await connectByTls(proxyOf('allow').port, {})
      raw.send(Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]))
      expect(await raw.closed()).toContain('invalid length of startup packet')
    })
  })

  it('refuses versions before 1.2, and does not renegotiate', async () => {
    const proxy = proxyOf('allow')
    const old = connectByTls(proxy.port, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    await expect(old).rejects.toThrow(/alert protocol version/)

    const { raw, secure } = await connectByTls(proxy.port, { maxVersion: 'TLSv1.2' })
    expect(secure.getProtocol()).toBe('TLSv1.2')
    raw.send(startup)
    await raw.until(ready)
    const refusal = await new Promise<Error | null>((resolve) => {
      secure.once('error', resolve)
      secure.renegotiate({}, resolve)
    })
    expect(refusal?.message).toMatch(/renegotiation/i)
    raw.end()
  })

  /** Passes the client's first flight on in pieces of one byte. */
  async function connectInPieces(port: number, direct: boolean) {
    const { createServer } = await import('node:net')
    const between = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port, noDelay: true })
      let pieces = 600
      near.on('data', async (chunk: Buffer) => {
        near.pause()
        for (let at = 0; at < chunk.length; ) {
          const length = pieces-- > 0 ? 1 : chunk.length - at
          const piece = chunk.subarray(at, at + length)
          at += length
          await new Promise((resolve) => far.write(piece, () => setImmediate(resolve)))
        }
        near.resume()
      })
      far.pipe(near)
      for (const socket of [near, far]) socket.on('error', () => {})
      near.on('close', () => far.destroy())
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    const address = between.address()
    if (address === null || typeof address === 'string') throw new Error('no port was assigned')
    try {
      return await connectByTls(address.port, { direct, ...alpn })
    } finally {
      between.close()
    }
  }

  it('keeps its port open for others while one handshake is stuck', async () => {
    const proxy = proxyOf('require')
    const stuck = connectTls({ host: '127.0.0.1', port: proxy.port })
    stuck.on('error', () => {})
    const halfway = await RawClient.connect(proxy.port)
    halfway.send(codePacket(ssl_request))
    await halfway.until((text) => text === 'S')
    const { raw } = await connectByTls(proxy.port, {})
    raw.send(startup)
    await raw.until(ready)
    raw.end()
    halfway.end()
    stuck.destroy()
  })
})
