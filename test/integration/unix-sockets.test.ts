import {
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { spawnCli, written } from '../cli/spawn-cli.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { query } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { textHeader } from '../support/proxy-headers.js'
import { codePacket, RawClient, startupPacket } from '../support/raw-client.js'
import { ssl_request } from '../support/tls-client.js'

const port = 7432

let postgres: ScratchPostgres
let directory: string
let path: string

beforeAll(async () => {
  const me = userInfo().username
  postgres = await startPostgres({
    // The server sees our user, whoever the client is: peer maps it to roles.
    hba: ['local all all peer map=proxy', 'host all all 127.0.0.1/32 scram-sha-256'],
    files: { 'pg_ident.conf': `proxy ${me} postgres\nproxy ${me} appuser\n` },
  })
  const admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await admin.connect()
  await admin.query('CREATE ROLE appuser LOGIN')
  await admin.query('CREATE TABLE public.account (n int)')
  await admin.query('GRANT ALL ON account TO appuser')
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pgw-'))
  path = join(directory, `.s.PGSQL.${port}`)
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

const onSocket = (settings: Readonly<Record<string, unknown>> = {}) => ({
  listen: { host: directory, port, ...settings },
  upstream: { host: postgres.socket_directory, port: postgres.port },
})

async function connected(proxy: ProxyUnderTest, user = 'appuser'): Promise<pg.Client> {
  return proxy.client({ host: directory, port, user })
}

/** A socket file whose process is gone: as after a crash. */
async function leaveDeadSocket(): Promise<void> {
  const aside = join(directory, 'aside')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(aside, resolve))
  linkSync(aside, path)
  await new Promise((resolve) => server.close(resolve))
  expect(lstatSync(path).isSocket()).toBe(true)
}

describe('sockets on both sides', () => {
  it('serve and record a local client, its names resolved through the server’s socket', async () => {
    const proxy = await startProxy(postgres, onSocket())
    const client = await connected(proxy)
    do await client.query('SELECT n FROM account')
    while (!(await proxy.records()).some(({ objects }) => objects?.[0]?.['resolved'] === 'catalog'))
    await client.end()
    const records = await proxy.finish()
    const statement = statementsOf(records).at(-1)
    expect(statement).toMatchObject({
      objects: [{ name: 'public.account', resolved: 'catalog', owner: 'postgres' }],
      session: {
        user: 'appuser',
        client_ip: '[local]',
        server: `${postgres.socket_directory}/.s.PGSQL.${postgres.port}`,
      },
    })
    expect(statement?.session).not.toHaveProperty('client_port')
    expect(records.filter(({ class: kind }) => kind === 'CONNECT')).toMatchObject([
      { command: 'connection received', session: { client_ip: '[local]' } },
      { command: 'connection authorized', session: { client_ip: '[local]' } },
      { command: 'disconnection', detail: { reason: 'terminate' } },
    ])
  })

  it.skipIf(!opensslInstalled())(
    'have no TLS, as those of the server, whatever listen.tls says (skips without openssl)',
    async () => {
      const { cert, key } = makeCertificates()
      const proxy = await startProxy(postgres, onSocket({ tls: { mode: 'require', cert, key } }))
      expect((await (await connected(proxy)).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      for (const [from, to] of [
        ['the server', `${postgres.socket_directory}/.s.PGSQL.${postgres.port}`],
        ['pgwitness', path],
      ] as const) {
        const asking = RawClient.over(connect(to))
        asking.send(codePacket(ssl_request))
        expect(await asking.until((text) => text !== ''), from).toBe('N')
        asking.send(startupPacket({ user: 'appuser', database: 'postgres' }))
        expect(await asking.until((text) => text.includes('Z\0\0\0\x05I')), from).toMatch(/^NR/)
        asking.end()
      }
      // Alerts are all that a client reads which has begun with a handshake.
      const direct = RawClient.over(connect(path))
      direct.send(Buffer.from([0x16, 3, 1, 2, 0]))
      expect(await direct.closed()).toBe('\x15\x03\x01\x00\x02\x02\x28')
      expect(await proxy.finish()).toContainEqual(
        expect.objectContaining({ message: expect.stringContaining('this is a Unix socket') }),
      )
    },
  )

  it('pass cancel requests on', async () => {
    const proxy = await startProxy(postgres, onSocket())
    const client = await connected(proxy)
    const sleeping = client.query('SELECT pg_sleep(3600)')
    const failed = expect(sleeping).rejects.toMatchObject({ code: '57014' })
    const watcher = await connected(proxy, 'postgres')
    const asleep = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    await expect.poll(async () => (await watcher.query(asleep)).rowCount).toBe(1)
    const packet = Buffer.alloc(16)
    packet.writeInt32BE(16, 0)
    packet.writeInt32BE(80877102, 4)
    packet.writeInt32BE(Number(Reflect.get(client, 'processID')), 8)
    packet.writeInt32BE(Number(Reflect.get(client, 'secretKey')), 12)
    const canceller = connect(path)
    canceller.end(packet)
    await new Promise((resolve) => canceller.resume().once('close', resolve))
    await failed
    const records = await proxy.finish()
    expect(records).toContainEqual(
      expect.objectContaining({
        command: 'cancel request',
        session: expect.objectContaining({ client_ip: '[local]' }),
      }),
    )
  })

  it('let in by peer whom the proxy’s own user is: local clients, and nobody else', async () => {
    const upstream = { host: postgres.socket_directory, port: postgres.port }
    const local = await startProxy(postgres, { upstream })
    expect((await (await local.client({ user: 'appuser' })).query('SELECT 1 AS one')).rows).toEqual(
      [{ one: 1 }],
    )
    await local.finish()

    const listen = { proxy_protocol: ['127.0.0.1'] }
    const behind = await startProxy(postgres, { listen, upstream })
    const raw = await RawClient.connect(behind.port)
    raw.send(
      textHeader('TCP4 192.0.2.7 198.51.100.2 40001 5432'),
      startupPacket({ user: 'appuser', database: 'postgres' }),
      query('INSERT INTO account VALUES (1)'),
    )
    const text = await raw.closed()
    expect(text).toContain('C28000')
    expect(text).toContain('trust and peer lines let in everyone')
    const records = await behind.finish()
    expect(statementsOf(records)).toEqual([])
    expect(records).toContainEqual(
      expect.objectContaining({ command: 'authentication failed', sqlstate: '28000' }),
    )
  })
})

describe('the socket file', () => {
  it('has the mode that was asked for, and goes with the listener', async () => {
    for (const [socket_mode, mode] of [
      [undefined, 0o777],
      ['0770', 0o770],
      ['0600', 0o600],
    ] as const) {
      const umask = process.umask()
      const settings = socket_mode === undefined ? {} : { socket_mode }
      const proxy = await startProxy(postgres, onSocket(settings))
      expect(statSync(path).mode & 0o777).toBe(mode)
      expect(process.umask()).toBe(umask)
      await proxy.stop()
      expect(existsSync(path)).toBe(false)
      await proxy.finish()
    }
  })

  it('of a process that is gone is replaced', async () => {
    await leaveDeadSocket()
    const proxy = await startProxy(postgres, onSocket())
    expect((await (await connected(proxy)).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await proxy.finish()
  })

  it('of a process that lives is left alone', async () => {
    const first = await startProxy(postgres, onSocket())
    const { ino } = statSync(path)
    await expect(startProxy(postgres, onSocket())).rejects.toMatchObject({
      code: 'listen.in_use',
      message: expect.stringContaining(path),
    })
    expect(statSync(path).ino).toBe(ino)
    expect((await (await connected(first)).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await first.finish()
  })

  it('goes to one of many that start at the same moment', async () => {
    await leaveDeadSocket()
    const starts = await Promise.allSettled(
      Array.from({ length: 5 }, () => startProxy(postgres, onSocket())),
    )
    const up = starts.filter((start) => start.status === 'fulfilled')
    expect(up).toHaveLength(1)
    for (const { value: proxy } of up) {
      expect((await (await connected(proxy)).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      await proxy.finish()
    }
  })

  it('is never taken for one that is no socket', async () => {
    writeFileSync(path, 'a file of somebody')
    await expect(startProxy(postgres, onSocket())).rejects.toMatchObject({
      code: 'listen.in_use',
      message: expect.stringContaining('it is not a socket'),
    })
    expect(readFileSync(path, 'utf8')).toBe('a file of somebody')
    rmSync(path)
    symlinkSync(join(directory, 'nowhere'), path)
    await expect(startProxy(postgres, onSocket())).rejects.toMatchObject({ code: 'listen.in_use' })
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
  })

  it('needs a directory that is there', async () => {
    const settings = onSocket({ host: join(directory, 'missing') })
    await expect(startProxy(postgres, settings)).rejects.toMatchObject({ code: 'listen.address' })
  })

  it('that a killed process left is replaced by the next one, and a stopped one leaves none', async () => {
    const start = () =>
      spawnCli(['run'], {
        PGWITNESS_LISTEN_HOST: directory,
        PGWITNESS_UPSTREAM_HOST: postgres.socket_directory,
        PGWITNESS_UPSTREAM_PORT: String(postgres.port),
        PGWITNESS_AUDIT_DIRECTORY: join(directory, 'audit'),
      })
    const killed = start()
    await written(killed, 'stderr', /listening on/)
    killed.process.kill('SIGKILL')
    await killed.ended
    expect(lstatSync(path).isSocket()).toBe(true)
    const next = start()
    await written(next, 'stderr', /listening on/)
    const client = new pg.Client({ host: directory, port, user: 'appuser', database: 'postgres' })
    await client.connect()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
    next.process.kill('SIGTERM')
    expect(await next.ended).toBe(0)
    expect(existsSync(path)).toBe(false)
  })
})
