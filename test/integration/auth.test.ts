import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  contentOf,
  makeCertificates,
  opensslInstalled,
  type TestCertificates,
} from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'
import { psql, psqlInstalled } from '../support/psql.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'

const roles = ['by_trust', 'by_password', 'by_md5', 'by_scram'] as const

/** What the server log of this proxy says with this code. */
function notices(
  proxy: ProxyUnderTest,
  code: string,
): readonly Readonly<Record<string, unknown>>[] {
  const directory = dirname(proxy.directory)
  return readdirSync(directory)
    .filter((name) => name.startsWith('server'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
    .filter((line) => line['code'] === code)
}

function authorized(records: readonly TrailRecord[]): TrailRecord | undefined {
  return records.find((record) => record.command === 'connection authorized')
}

describe.skipIf(!opensslInstalled())('authentication (skips without openssl)', () => {
  let files: TestCertificates
  let others: TestCertificates
  let postgres: ScratchPostgres

  beforeAll(async () => {
    files = makeCertificates()
    others = makeCertificates()
    postgres = await startPostgres({
      settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      files: { 'server.crt': contentOf(files.cert), 'server.key': contentOf(files.key) },
      hba: [
        'host all by_trust 127.0.0.1/32 trust',
        'host all by_password 127.0.0.1/32 password',
        'host all by_md5 127.0.0.1/32 md5',
        'host replication postgres 127.0.0.1/32 scram-sha-256',
        'host all all 127.0.0.1/32 scram-sha-256',
      ],
    })
    const admin = new pg.Client({ ...direct(), user: 'postgres' })
    await admin.connect()
    for (const role of roles) {
      await admin.query(
        `SET password_encryption = '${role === 'by_md5' ? 'md5' : 'scram-sha-256'}'`,
      )
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${postgres.password}'`)
    }
    await admin.end()
  })

  afterAll(async () => {
    await postgres.stop()
  })

  function direct() {
    const { host, port, password } = postgres
    return { host, port, password, database: 'postgres' }
  }

  /** A proxy with this certificate for clients, and TLS to the server or not. */
  function proxyWith(certificate: TestCertificates | undefined, upstream_mode: string) {
    const tls =
      certificate === undefined
        ? { mode: 'disable' }
        : { mode: 'allow', cert: certificate.cert, key: certificate.key }
    return startProxy(postgres, { listen: { tls }, upstream: { tls: { mode: upstream_mode } } })
  }

  it.each([
    ['by_trust', 'trust'],
    ['by_password', 'password'],
    ['by_md5', 'md5'],
    ['by_scram', 'scram-sha-256'],
  ])('of %s is relayed and recorded as %s', async (user, auth) => {
    const proxy = await proxyWith(undefined, 'disable')
    const client = await proxy.client({ user })
    expect((await client.query('SELECT current_user AS me')).rows).toEqual([{ me: user }])
    if (user !== 'by_trust') {
      const wrong = proxy.client({ user, password: 'wrong' })
      await expect(wrong).rejects.toMatchObject({ code: '28P01' })
    }
    const records = await proxy.finish()
    expect(authorized(records)?.session).toMatchObject({ user, auth })
    const failed = records.filter((record) => record.command === 'authentication failed')
    expect(failed).toHaveLength(user === 'by_trust' ? 0 : 1)
    for (const record of failed) {
      expect(record).toMatchObject({ sqlstate: '28P01', session: { user, auth } })
      // A refused login has no process id, though the server had one.
      expect(record.session).not.toHaveProperty('pid')
    }
  })

  describe('by SCRAM with channel binding', () => {
    const bound = { rejectUnauthorized: false }

    it('passes from end to end when both legs show the same certificate', async () => {
      const proxy = await proxyWith(files, 'require')
      const client = await proxy.client({
        user: 'by_scram',
        ssl: bound,
        enableChannelBinding: true,
      })
      expect((await client.query('SELECT current_user AS me')).rows).toEqual([{ me: 'by_scram' }])
      expect(notices(proxy, 'tls.certificates_differ')).toEqual([])
      expect(authorized(await proxy.finish())?.session).toMatchObject({
        auth: 'scram-sha-256-plus',
      })
    })

    it('fails with two certificates, and everybody is told why', async () => {
      const proxy = await proxyWith(others, 'require')
      const attempt = proxy.client({ user: 'by_scram', ssl: bound, enableChannelBinding: true })
      await expect(attempt).rejects.toMatchObject({
        code: '28000',
        message: 'SCRAM channel binding check failed',
      })
      const unbound = await proxy.client({ user: 'by_scram', ssl: bound })
      expect((await unbound.query('SELECT current_user AS me')).rows).toEqual([{ me: 'by_scram' }])
      const wrong = proxy.client({ user: 'by_scram', ssl: bound, password: 'wrong' })
      await expect(wrong).rejects.toMatchObject({ code: '28P01' })
      await proxy.stop()
      const [differ] = notices(proxy, 'tls.certificates_differ')
      expect(notices(proxy, 'tls.certificates_differ')).toHaveLength(1)
      for (const way of ['same certificate', 'upstream.tls.mode', 'channel_binding=disable']) {
        expect(differ?.['msg']).toContain(way)
      }
      expect(notices(proxy, 'tls.channel_binding')).toMatchObject([{ user: 'by_scram' }])
      const records = await proxy.finish()
      const failed = records.filter((record) => record.command === 'authentication failed')
      expect(failed).toMatchObject([
        {
          sqlstate: '28000',
          detail: { cause: 'channel binding' },
          session: { auth: 'scram-sha-256-plus' },
        },
        { sqlstate: '28P01' },
      ])
      expect(failed[1]).not.toHaveProperty('detail')
    })

    it('is known to fail before the first client comes, and when a certificate changes', async () => {
      const proxy = await proxyWith(files, 'require')
      const renew = async (certificates: TestCertificates) => {
        postgres.writeFile('server.crt', contentOf(certificates.cert))
        postgres.writeFile('server.key', contentOf(certificates.key))
        await postgres.restart()
      }
      try {
        await proxy.client({ user: 'by_scram' })
        expect(notices(proxy, 'tls.certificates_differ')).toEqual([])
        await renew(others)
        await proxy.client({ user: 'by_scram' })
        await proxy.client({ user: 'by_scram' })
        // Another one looks at it by itself, without any client.
        const idle = await proxyWith(files, 'require')
        while (notices(idle, 'tls.certificates_differ').length === 0) await idle.lines()
        await idle.finish()
        await proxy.stop()
        expect(notices(proxy, 'tls.certificates_differ')).toHaveLength(1)
      } finally {
        await renew(files)
        await proxy.finish()
      }
    })

    it('is not offered with TLS on one leg alone', async () => {
      for (const [certificate, upstream_mode] of [
        [files, 'disable'],
        [undefined, 'require'],
      ] as const) {
        const proxy = await proxyWith(certificate, upstream_mode)
        const ssl = certificate === undefined ? false : bound
        const enableChannelBinding = certificate !== undefined
        const client = await proxy.client({ user: 'by_scram', ssl, enableChannelBinding })
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        expect(authorized(await proxy.finish())?.session).toMatchObject({ auth: 'scram-sha-256' })
      }
    })

    it('is explained to a client that says it was offered none', async () => {
      const proxy = await proxyWith(undefined, 'require')
      const attempt = proxy.client({ user: 'by_scram', enableChannelBinding: true })
      await expect(attempt).rejects.toMatchObject({
        message: 'SCRAM channel binding negotiation error',
      })
      await proxy.stop()
      const [notice] = notices(proxy, 'tls.channel_binding')
      expect(notice?.['msg']).toContain('turn channel binding off in the client')
      expect(await proxy.finish()).toContainEqual(
        expect.objectContaining({ detail: { cause: 'channel binding' } }),
      )
    })

    it.skipIf(!psqlInstalled())('behaves so for libpq, too (skips without psql)', async () => {
      for (const [certificate, upstream_mode, channel_binding, expected] of [
        [files, 'require', 'require', 'by_scram'],
        [files, 'require', 'prefer', 'by_scram'],
        [others, 'require', 'prefer', 'SCRAM channel binding check failed'],
        [others, 'require', 'disable', 'by_scram'],
        [others, 'disable', 'prefer', 'by_scram'],
        [others, 'disable', 'require', 'channel binding is required'],
        [undefined, 'require', 'prefer', 'by_scram'],
      ] as const) {
        const proxy = await proxyWith(certificate, upstream_mode)
        const { output } = await psql(
          {
            host: '127.0.0.1',
            port: proxy.port,
            user: 'by_scram',
            password: postgres.password,
            dbname: 'postgres',
            sslmode: certificate === undefined ? 'disable' : 'require',
            channel_binding,
          },
          'SELECT current_user',
        )
        expect(output, `${upstream_mode} ${channel_binding}`).toContain(expected)
        await proxy.finish()
      }
    })
  })

  describe('and what comes with a login', () => {
    const complete = (text: string) => text.includes('Z\0\0\0\x05I')

    async function loginOf(parameters: Readonly<Record<string, string>>, version?: number) {
      const proxy = await proxyWith(undefined, 'disable')
      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket(parameters, version))
      const text = await raw.until(complete)
      raw.end()
      return { text, records: await proxy.finish() }
    }

    it('a database that does not exist is refused after AuthenticationOk', async () => {
      const { text, records } = await loginOf({ user: 'by_trust', database: 'nowhere' })
      expect(text).toMatch(/^R\0\0\0\x08\0\0\0\0/)
      expect(text).toContain('3D000')
      const commands = records.filter((record) => record.class === 'CONNECT')
      expect(commands).toMatchObject([
        { command: 'connection received' },
        { command: 'connection refused', sqlstate: '3D000' },
      ])
      expect(commands[1]?.session).not.toHaveProperty('pid')
    })

    it('a user that does not exist is refused by the server, after a password', async () => {
      const proxy = await proxyWith(undefined, 'disable')
      await expect(proxy.client({ user: 'nobody_here' })).rejects.toMatchObject({
        code: '28P01',
        message: 'password authentication failed for user "nobody_here"',
      })
      const records = await proxy.finish()
      expect(records.filter((record) => record.class === 'CONNECT')).toMatchObject([
        { command: 'connection received' },
        { command: 'authentication failed', sqlstate: '28P01', session: { user: 'nobody_here' } },
      ])
    })

    it('a startup packet without a user gets the words of the server', async () => {
      const { text, records } = await loginOf({ database: 'postgres' })
      expect(text).toContain('no PostgreSQL user name specified in startup packet')
      expect(records).toContainEqual(
        expect.objectContaining({ command: 'authentication failed', sqlstate: '28000' }),
      )
    })

    it('a user name of more than 63 bytes is the one that the server makes of it', async () => {
      const cut = 'u'.repeat(63)
      const admin = new pg.Client({ ...direct(), user: 'postgres' })
      await admin.connect()
      await admin.query(`CREATE ROLE ${cut} LOGIN`)
      await admin.query(`ALTER ROLE ${cut} PASSWORD '${postgres.password}'`)
      await admin.end()
      const proxy = await proxyWith(undefined, 'disable')
      const client = await proxy.client({ user: `${cut}_and_more` })
      expect((await client.query('SELECT session_user AS me')).rows).toEqual([{ me: cut }])
      expect(authorized(await proxy.finish())?.session?.['user']).toBe(cut)
    })

    it.each([
      ['true', 'physical'],
      ['database', 'logical'],
      ['1', 'physical'],
      ['off', undefined],
    ])('replication=%s is recorded', async (replication, expected) => {
      const { Client } = pg
      const proxy = await proxyWith(undefined, 'disable')
      const client = new Client({
        host: '127.0.0.1',
        port: proxy.port,
        user: 'postgres',
        password: postgres.password,
        database: 'postgres',
        ...{ replication },
      })
      await client.connect()
      await client.end()
      const record = authorized(await proxy.finish())
      expect(record?.detail?.['replication']).toBe(expected)
    })

    it('a value of replication that is none is refused by the server', async () => {
      const { text, records } = await loginOf({
        user: 'by_trust',
        database: 'postgres',
        replication: 'perhaps',
      })
      expect(text).toContain('invalid value for parameter "replication"')
      expect(records).toContainEqual(
        expect.objectContaining({ command: 'connection refused', sqlstate: '22023' }),
      )
    })

    it('messages in the same write as the startup packet are executed once, and recorded', async () => {
      const proxy = await proxyWith(undefined, 'disable')
      const raw = await RawClient.connect(proxy.port)
      raw.send(
        startupPacket({ user: 'by_trust', database: 'postgres' }),
        message('Q', 'SELECT 42\0'),
        message('X'),
      )
      const text = await raw.closed()
      expect(text.match(/SELECT 1\0/g)).toHaveLength(1)
      const records = await proxy.finish()
      const seen = records.filter((record) => record.session?.['user'] === 'by_trust')
      expect(seen.map((record) => record.command)).toEqual([
        'connection authorized',
        'SELECT',
        'disconnection',
      ])
    })

    it('a client that leaves when it is asked for a password leaves a record', async () => {
      const proxy = await proxyWith(undefined, 'disable')
      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket({ user: 'by_scram', database: 'postgres' }))
      await raw.until((text) => text.startsWith('R'))
      raw.end()
      const records = await proxy.recordsUntil((all) =>
        all.some((record) => record.command === 'connection refused'),
      )
      expect(records.find((record) => record.command === 'connection refused')).toMatchObject({
        sqlstate: '08006',
        message: 'the client closed the connection during the login',
        session: { user: 'by_scram' },
      })
      await proxy.finish()
    })
  })
})
