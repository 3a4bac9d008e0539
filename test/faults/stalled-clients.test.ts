import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { fakeServer } from '../support/fake-server.js'
import { textHeader } from '../support/proxy-headers.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'

/**
 * A thousand clients that each begin something and stall, before a proxy in a process of its own.
 * The server is a fake one: what is measured is the proxy, and no real one takes a thousand logins.
 */

const clients = 1_000
/**
 * What one stalled client may cost, in bytes of resident memory: two sockets with their streams
 * are some 10 KiB each, and what a client may send before it is known is bounded by 10,000 bytes,
 * in its login by what it has really sent. A buffer of the size that a header claims, or one read
 * buffer of 64 KiB that is kept, would be above it. OpenSSL takes some 50 KiB for a handshake.
 */
const plain_bytes = 64 * 1024
const tls_bytes = 128 * 1024

const ready = message('Z', 'I')
const admitted = Buffer.concat([message('R', Buffer.from([0, 0, 0, 0])), ready])
const password_request = message('R', Buffer.from([0, 0, 0, 3]))
const login = startupPacket({ user: 'stalled', database: 'postgres' })
const honest = startupPacket({ user: 'honest', database: 'postgres' })

let directory: string
let cli: SpawnedCli
let sockets: Socket[] = []
let server: Awaited<ReturnType<typeof fakeServer>>

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pgwitness-stalled-'))
  server = await fakeServer((socket) => {
    socket.once('data', (chunk: Buffer) => {
      socket.write(chunk.includes('asked') ? password_request : admitted)
    })
  })
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  cli.process.kill('SIGKILL')
  await cli.ended
  server.close()
  rmSync(directory, { recursive: true })
})

async function startCli(env: Readonly<Record<string, string>>): Promise<number> {
  cli = spawnCli(['run', '--listen', '127.0.0.1:0', '--audit-dir', join(directory, 'audit')], {
    PGWITNESS_UPSTREAM_PORT: String(server.port),
    PGWITNESS_UPSTREAM_TLS_MODE: 'disable',
    PGWITNESS_LIMITS_CONNECTIONS: String(2 * clients),
    PGWITNESS_LIMITS_STARTUP_TIMEOUT: '10m',
    ...env,
  })
  const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+)/)
  return Number(port)
}

/** Resident memory of the proxy's process, in bytes. */
function residentBytes(): number {
  const status = readFileSync(`/proc/${cli.process.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

/**
 * Connects and sends; resolves with the socket when `answer` has come, at once when it is empty, or
 * when the proxy has closed it.
 */
function stalled(port: number, first: Buffer, answer: Buffer, then: Buffer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('connect', () => socket.removeListener('error', reject).on('error', () => {}))
    socket.once('error', reject)
    socket.once('close', () => resolve(socket))
    socket.write(first, () => {
      if (answer.length === 0) resolve(socket)
    })
    socket.on('data', (chunk: Buffer) => {
      if (answer.length === 0 || !chunk.includes(answer)) return
      socket.write(then, () => resolve(socket))
    })
  })
}

async function stallAll(
  port: number,
  count: number,
  first: Buffer,
  answer: Buffer,
  then: Buffer,
): Promise<Socket[]> {
  const all: Socket[] = []
  while (all.length < count) {
    const some = Array.from({ length: 50 }, () => stalled(port, first, answer, then))
    all.push(...(await Promise.all(some)))
  }
  return all
}

/** In a proxy that has little patience all of them are closed, and it serves others. */
async function expectAllClosed(
  env: Readonly<Record<string, string>>,
  stall: (port: number, count: number) => Promise<Socket[]>,
  header: Buffer,
): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy()
  cli.process.kill('SIGKILL')
  await cli.ended
  rmSync(join(directory, 'audit'), { recursive: true })
  const port = await startCli({ ...env, PGWITNESS_LIMITS_STARTUP_TIMEOUT: '1s' })
  sockets = await stall(port, clients / 4)
  for (const socket of sockets) {
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  }
  await expectHonestService(port, header)
}

/** Serves a login, if not the first: on a busy machine that may last longer than there is time. */
async function expectHonestService(port: number, header: Buffer): Promise<void> {
  const words = ready.toString('latin1')
  let text = ''
  while (!text.includes(words)) {
    const raw = await RawClient.connect(port)
    raw.send(header, honest)
    text = await raw.until((said) => said.includes(words))
    raw.end()
    if (text !== '' && !text.includes(words)) expect(text).toContain('no login within')
  }
}

const nothing = Buffer.alloc(0)
const claiming = (letter: string, length: number, sent_bytes: number): Buffer => {
  const bytes = Buffer.alloc(5 + sent_bytes)
  bytes.write(letter, 'latin1')
  bytes.writeInt32BE(length, 1)
  return bytes
}
const halfStartup = (() => {
  const bytes = Buffer.alloc(5_000, 'x')
  bytes.writeInt32BE(10_000, 0)
  return bytes
})()
const halfHeader = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
  Buffer.from([0x21, 0x11, 0x0f, 0xe0]),
  Buffer.alloc(2_000),
])
const halfHello = Buffer.concat([
  Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
  Buffer.alloc(200, 7),
])
const asked = startupPacket({ user: 'asked', database: 'postgres' })
const balancer = {
  PGWITNESS_LISTEN_PROXY_PROTOCOL: '127.0.0.1',
  PGWITNESS_UPSTREAM_ACCEPT_TRUST: 'true',
}

describe.skipIf(process.platform !== 'linux')(
  'a thousand clients that stall (skips where there is no /proc)',
  () => {
    it.each([
      ['half a startup packet', {}, halfStartup, nothing, nothing],
      ['half a PROXY header', balancer, halfHeader, nothing, nothing],
      ['half a password', {}, asked, password_request, claiming('p', 200_000, 5_000)],
    ] as const)(
      'with %s cost little, and are gone after the time for the login',
      async (...row) => {
        const [, env, first, answer, then] = row
        const header = env === balancer ? textHeader('TCP4 192.0.2.7 192.0.2.8 1 2') : nothing
        const stall = (port: number, count: number) => stallAll(port, count, first, answer, then)
        const port = await startCli(env)
        // What the program grows by anyway, it has grown by then.
        for (const socket of await stall(port, 200)) socket.destroy()
        await expectHonestService(port, header)
        const before_bytes = residentBytes()
        sockets = await stall(port, clients)
        await expectHonestService(port, header)
        expect((residentBytes() - before_bytes) / clients).toBeLessThan(plain_bytes)
        await expectAllClosed(env, stall, header)
      },
    )

    it.skipIf(!opensslInstalled())(
      'with half a ClientHello cost what OpenSSL asks, and are gone after that time (skips without openssl)',
      async () => {
        const { cert, key } = makeCertificates()
        const env = {
          PGWITNESS_LISTEN_TLS_MODE: 'allow',
          PGWITNESS_LISTEN_TLS_CERT: cert,
          PGWITNESS_LISTEN_TLS_KEY: key,
        }
        const stall = (port: number, count: number) =>
          stallAll(port, count, halfHello, nothing, nothing)
        const port = await startCli(env)
        for (const socket of await stall(port, 200)) socket.destroy()
        await expectHonestService(port, nothing)
        const before_bytes = residentBytes()
        sockets = await stall(port, clients)
        await expectHonestService(port, nothing)
        expect((residentBytes() - before_bytes) / clients).toBeLessThan(tls_bytes)
        await expectAllClosed(env, stall, nothing)
      },
    )

    it('within a message that claims 1 GiB cost what they have sent', async () => {
      const port = await startCli({})
      const gigabyte = claiming('Q', 2 ** 30, 100)
      for (const socket of await stallAll(port, 200, login, ready, gigabyte)) socket.destroy()
      await expectHonestService(port, nothing)
      const before_bytes = residentBytes()
      sockets = await stallAll(port, clients, login, ready, gigabyte)
      await expectHonestService(port, nothing)
      expect((residentBytes() - before_bytes) / clients).toBeLessThan(plain_bytes)
      expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([])
    })

    it('do not keep others out when they are more than limits.connections takes', async () => {
      const port = await startCli({ PGWITNESS_LIMITS_CONNECTIONS: '20' })
      const places = Array.from({ length: 20 }, () => stalled(port, login, ready, nothing))
      sockets = await Promise.all(places)
      const refuseMany = async () => {
        for (let round = 0; round < 10; round++) {
          const refused = await Promise.all(
            Array.from({ length: 100 }, async () => {
              const raw = await RawClient.connect(port)
              raw.send(login)
              return await raw.closed()
            }),
          )
          for (const text of refused) expect(text).toContain('C53300')
        }
      }
      await refuseMany()
      const before_bytes = residentBytes()
      await refuseMany()
      // Records are rendered and garbage is made, but nothing stays.
      expect((residentBytes() - before_bytes) / 1_000).toBeLessThan(32 * 1024)
      sockets.pop()?.destroy()
      await expect
        .poll(
          async () => {
            const raw = await RawClient.connect(port)
            raw.send(honest)
            const text = await raw.until((said) => /C53300|Z\0\0\0\x05I/.test(said))
            raw.end()
            return text
          },
          { timeout: 20_000 },
        )
        .toContain('Z\0\0\0\x05I')
    })
  },
)
