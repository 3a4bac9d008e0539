import { connect, Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endpointOf } from '../../src/proxy/client-address.js'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { fakeServer } from '../support/fake-server.js'
import { liveHeapBytes } from '../support/live-heap.js'
import { ask, bind, copyDone, execute, parse, query, sync } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'

/** What peers that mean harm, or have bad luck, must not achieve. */

const ready = 'Z\0\0\0\x05I'
const ssl_request = 80877103
const login = startupPacket({ user: 'postgres', database: 'postgres' })

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    settings: { log_statement: 'all' },
    hba: ['host all all 127.0.0.1/32 trust', 'local all all trust'],
  })
  const admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    database: 'postgres',
  })
  await admin.connect()
  await admin.query('CREATE TABLE target (n int)')
  await admin.query(`CREATE ROLE ${'r'.repeat(63)} LOGIN`)
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

async function loggedIn(port: number): Promise<RawClient> {
  const raw = await RawClient.connect(port)
  raw.send(login)
  await raw.until((text) => text.includes(ready))
  return raw
}

/** How often the server said this so far. */
function count(raw: RawClient, words: string): number {
  return raw.text.split(words).length - 1
}

/** Stops the proxy; the answer tells whether it waited for one of its long time limits. */
async function stopsAtOnce(proxy: ProxyUnderTest): Promise<boolean> {
  const started_ms = performance.now()
  await proxy.stop()
  return performance.now() - started_ms < 8_000
}

describe('a statement does not pass unrecorded', () => {
  it('by half a message that the end of the session would complete', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy.port)
    const whole = query('INSERT INTO target SELECT 424242 AS X')
    raw.send(whole.subarray(0, whole.length - 2))
    // The partial message is with the server once this later session has its answer.
    const other = await proxy.client()
    await other.query('SELECT 1')
    await other.end()
    await proxy.stop()
    await raw.closed()
    expect(postgres.log()).not.toContain('424242')
  })

  it('by being sent before the login is over, however the server cuts its answer', async () => {
    // Every byte of the server arrives alone.
    const splitter = await fakeServer((client) => {
      const server = connect({ host: postgres.host, port: postgres.port, noDelay: true })
      server.on('error', () => client.destroy())
      server.on('close', () => client.destroySoon())
      client.on('close', () => server.destroy())
      client.pipe(server)
      server.on('data', async (chunk: Buffer) => {
        server.pause()
        for (const byte of chunk) {
          client.write(Buffer.from([byte]))
          await new Promise((resolve) => setImmediate(resolve))
        }
        server.resume()
      })
    })
    const proxy = await startProxy(postgres, { upstream: { port: splitter.port } })
    const raw = await RawClient.connect(proxy.port)
    raw.send(login, query('INSERT INTO target VALUES (5)'), query('SELECT 6'))
    await raw.until(() => count(raw, ready) === 3)
    raw.end()
    const records = await proxy.finish()
    splitter.close()
    expect(records.filter(({ command }) => command === 'protocol disagreement')).toEqual([])
    expect(statementsOf(records)).toMatchObject([
      { command: 'INSERT', outcome: 'success', rows: 1 },
      { command: 'SELECT', outcome: 'success', rows: 1 },
    ])
  })

  it('as an answer to the last token of a GSS exchange, which asks for none', async () => {
    let received = ''
    let proceed = () => {}
    const server = await fakeServer((socket) => {
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1')
        if (text.includes('pgwitness catalog')) {
          // The driver of our own connection throws at this request: that must harm nobody.
          socket.write(message('R', Buffer.from([0, 0, 0, 7])))
          return
        }
        received += text
        if (text.includes('user\0')) socket.write(message('R', Buffer.from([0, 0, 0, 7])))
        else if (text.startsWith('p')) {
          socket.write(message('R', Buffer.from([0, 0, 0, 8, 1])))
          proceed = () =>
            socket.write(
              Buffer.concat([message('R', Buffer.from([0, 0, 0, 0])), message('Z', 'I')]),
            )
        } else if (text.startsWith('Q')) {
          socket.write(Buffer.concat([message('C', 'DELETE 1\0'), message('Z', 'I')]))
        }
      })
    })
    const upstream = { port: server.port, tls: { mode: 'disable' } }
    const proxy = await startProxy(postgres, { upstream })
    const raw = await RawClient.connect(proxy.port)
    raw.send(login)
    await raw.until((text) => text.startsWith('R'))
    raw.send(message('p', 'token'), query('DELETE FROM target'))
    await raw.until(() => count(raw, 'R\0\0\0') === 2)
    expect(received).not.toContain('DELETE')
    proceed()
    await raw.until((text) => text.includes('DELETE 1'))
    raw.end()
    const records = await proxy.finish()
    server.close()
    expect(statementsOf(records)).toMatchObject([{ command: 'DELETE', outcome: 'success' }])
  })

  it('by another message than a password in answer to a challenge', async () => {
    const server = await fakeServer((socket) => {
      socket.once('data', () => socket.write(message('R', Buffer.from([0, 0, 0, 3]))))
    })
    const upstream = { port: server.port, tls: { mode: 'disable' } }
    const proxy = await startProxy(postgres, { upstream })
    const raw = await RawClient.connect(proxy.port)
    raw.send(login, query('SELECT 1'))
    expect(await raw.closed()).toContain("expected password response, got message type 'Q'")
    await proxy.finish()
    server.close()
  })

  it('under a name that the server cuts, nor without the name of its database', async () => {
    const proxy = await startProxy(postgres)
    for (const parameters of [
      { user: `${'r'.repeat(63)}zzz`, database: 'postgres' },
      { user: 'postgres', database: '' },
    ]) {
      const raw = await RawClient.connect(proxy.port)
      raw.send(startupPacket(parameters), query('SELECT 1'), message('X'))
      expect(await raw.closed()).toContain('SELECT 1\0')
    }
    const statements = statementsOf(await proxy.finish())
    expect(
      statements.map(({ session }) => [session?.['user'], session?.['database']]).sort(),
    ).toEqual([
      ['postgres', 'postgres'],
      ['r'.repeat(63), 'postgres'],
    ])
  })
})

describe('a pipeline', () => {
  it('goes on after an early error, however much of it the server skips in silence', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy.port)
    raw.send(parse('', 'SELEC'), message('H'))
    await raw.until((text) => text.includes('42601'))
    raw.send(Buffer.concat(Array.from({ length: 6_000 }, () => ask('SELECT 1'))), sync())
    await raw.until(() => count(raw, ready) === 2)
    raw.end()
    const records = statementsOf(await proxy.finish())
    expect(records.filter(({ outcome }) => outcome === 'skipped')).toHaveLength(6_000)
  })

  it('of Syncs among COPY data costs no memory', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy.port)
    raw.send(query('COPY target FROM STDIN'))
    await raw.until((text) => text.includes('G\0\0\0'))
    const before = liveHeapBytes()
    const flood = Buffer.concat(Array.from({ length: 100_000 }, () => sync()))
    for (let round = 0; round < 10; round++) {
      await new Promise<void>((resolve) => raw.socket.write(flood, () => resolve()))
    }
    raw.send(message('d', '1\n'), copyDone())
    await raw.until((text) => text.includes('COPY 1\0'))
    // A million Syncs that were kept would be some 110 MiB.
    expect(liveHeapBytes() - before).toBeLessThan(70 * 1024 * 1024)
    raw.send(query('SELECT 7'))
    await raw.until((text) => text.includes('SELECT 1\0'))
    raw.end()
    const records = statementsOf(await proxy.finish()).filter((record) => !record['phase'])
    expect(records).toMatchObject([{ command: 'COPY', rows: 1 }, { command: 'SELECT' }])
  })

  it('of a client that sends its end with its first packet is served as by the server (corner 15)', async () => {
    const proxy = await startProxy(postgres)
    const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true })
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.end(Buffer.concat([login, parse('', 'SELECT 8'), bind('', ''), execute(), sync()]))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(text).toContain('SELECT 1\0')
    expect(statementsOf(await proxy.finish())).toMatchObject([{ outcome: 'success' }])
  })
})

describe('the end of the process does not wait', () => {
  it('for a refused client that keeps its socket', async () => {
    const proxy = await startProxy(postgres, { listen: { allow: ['192.0.2.0/24'] } })
    const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(login)
    await new Promise((resolve) => socket.once('data', resolve))
    expect(await stopsAtOnce(proxy)).toBe(true)
    socket.destroy()
  })

  it('for a client that does not read', async () => {
    const proxy = await startProxy(postgres)
    const raw = await loggedIn(proxy.port)
    raw.socket.pause()
    raw.send(query("SELECT repeat('x', 1048576) FROM generate_series(1, 200)"))
    const observer = await proxy.client()
    const stuck = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
    while ((await observer.query(stuck)).rowCount === 0);
    await observer.end()
    expect(await stopsAtOnce(proxy)).toBe(true)
    raw.end()
  })

  it('for a server that does not answer, nor for a cancel request to it', async () => {
    const silent = await fakeServer((socket) => socket.resume())
    for (const mode of ['require', 'disable']) {
      const upstream = { port: silent.port, tls: { mode } }
      const proxy = await startProxy(postgres, { upstream })
      const raw = await RawClient.connect(proxy.port)
      raw.send(login)
      const cancel = await RawClient.connect(proxy.port)
      cancel.send(Buffer.concat([Buffer.from([0, 0, 0, 16, 4, 210, 22, 46]), Buffer.alloc(8)]))
      await proxy.recordsUntil(
        (records) =>
          records.some(({ command }) => command === 'cancel request') &&
          records.some(({ session }) => session?.['client_port'] !== undefined),
      )
      expect(await stopsAtOnce(proxy)).toBe(true)
      await Promise.all([raw.closed(), cancel.closed()])
    }
    silent.close()
  })

  it.skipIf(!opensslInstalled())(
    'for a TLS handshake that was never finished (skips without openssl)',
    async () => {
      const { cert, key } = makeCertificates()
      expect(contentOf(cert)).toContain('BEGIN CERTIFICATE')
      const proxy = await startProxy(postgres, {
        listen: { tls: { mode: 'allow', cert, key } },
        limits: { startup_timeout: '1s' },
      })
      const [gone, silent] = [
        await RawClient.connect(proxy.port),
        await RawClient.connect(proxy.port),
      ]
      for (const raw of [gone, silent]) {
        raw.send(codePacket(ssl_request))
        await raw.until((text) => text === 'S')
      }
      gone.end()
      await silent.closed()
      expect(await stopsAtOnce(proxy)).toBe(true)
    },
  )
})

describe('limits', () => {
  it('of connections hold for logins that come all at once', async () => {
    const proxy = await startProxy(postgres, { limits: { connections: 5 } })
    const logins = await Promise.allSettled(Array.from({ length: 30 }, () => proxy.client()))
    expect(logins.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    await proxy.finish()
  })

  it('do not take a client that is gone, and has no address any more, for a local one', () => {
    expect(endpointOf(new Socket(), false)).toBeUndefined()
    expect(endpointOf(new Socket(), true)).toMatchObject({ address: '[local]', local: true })
  })

  it('of addresses hold for cancel requests too', async () => {
    const proxy = await startProxy(postgres, { listen: { allow: ['192.0.2.0/24'] } })
    const cancel = await RawClient.connect(proxy.port)
    cancel.send(Buffer.concat([Buffer.from([0, 0, 0, 16, 4, 210, 22, 46]), Buffer.alloc(8)]))
    expect(await cancel.closed()).toBe('')
    const records = await proxy.finish()
    expect(records.map(({ command }) => command)).not.toContain('cancel request')
  })

  it('leave nothing behind of a thousand clients that come and go', async () => {
    const proxy = await startProxy(postgres)
    await proxy.catalogKnown()
    const sockets = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
    const before = sockets()
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          const raw = await RawClient.connect(proxy.port)
          if (n % 4 === 1) raw.send(login)
          if (n % 4 === 2) raw.send('GET / HTTP/1.0\r\n\r\n')
          if (n % 4 === 3) raw.send(codePacket(ssl_request))
          if (n % 3 === 0) raw.socket.resetAndDestroy()
          else raw.end()
        }),
      )
    }
    await expect.poll(sockets, { timeout: 20_000 }).toBeLessThanOrEqual(before)
    await proxy.finish()
  })
})
