import type { Socket } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fakeServer } from '../support/fake-server.js'
import { liveHeapBytes } from '../support/live-heap.js'
import { query } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'
import { faultsOfLine } from '../support/record-schema.js'

/** What a server that means harm, or something else on its port, must not achieve. */

const ready = message('Z', 'I')
const authentication_ok = message('R', Buffer.from([0, 0, 0, 0]))
const admitted = Buffer.concat([authentication_ok, ready])
const login = startupPacket({ user: 'postgres', database: 'postgres' })
const mebibyte = 1024 * 1024

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
})

afterAll(async () => {
  await postgres.stop()
})

/** A proxy before a server that `serve` plays, each connection's first packet being read. */
async function facing(
  serve: (socket: Socket) => void,
  body: (proxy: ProxyUnderTest) => Promise<void>,
): Promise<TrailRecord[]> {
  const server = await fakeServer((socket) => {
    socket.once('data', (chunk: Buffer) => {
      // Our own connection for the catalog is refused: it is not what is tried here.
      if (chunk.includes('pgwitness catalog')) socket.destroy()
      else serve(socket)
    })
  })
  const proxy = await startProxy(postgres, {
    upstream: { port: server.port, tls: { mode: 'disable' } },
    limits: { startup_timeout: '2s' },
  })
  try {
    await body(proxy)
    const lines = await proxy.lines()
    expect(lines.flatMap(faultsOfLine)).toEqual([])
    return await proxy.finish()
  } finally {
    await proxy.stop()
    server.close()
  }
}

const lengthOf = (letter: string, length: number): Buffer => {
  const header = Buffer.alloc(5)
  header.write(letter, 'latin1')
  header.writeInt32BE(length, 1)
  return header
}

const connects = (records: readonly TrailRecord[]) =>
  records.filter(({ class: kind }) => kind === 'CONNECT')

describe('during the login, a server', () => {
  it.each([
    ['that claims 1 GiB', lengthOf('R', 2 ** 30), 'invalid length 1073741824'],
    ['that claims less than nothing', lengthOf('R', -5), 'invalid length -5'],
    ['that claims 3', lengthOf('R', 3), 'invalid length 3'],
    ['that speaks another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'invalid length'],
    ['that sends half an authentication', message('R', Buffer.from([0, 0])), 'cut short'],
    ['that ends an error nowhere', message('E', 'Munterminated'), 'unterminated'],
  ])('%s is refused, and the client is told where to look', async (_name, words, reason) => {
    const records = await facing(
      (socket) => socket.write(words),
      async (proxy) => {
        const raw = await RawClient.connect(proxy.port)
        raw.send(login)
        const text = await raw.closed()
        expect(text).toContain('C08P01')
        expect(text).toContain(reason)
        expect(text).toContain('upstream.host')
      },
    )
    expect(connects(records)).toMatchObject([
      { command: 'connection received' },
      { command: 'connection refused', sqlstate: '08P01', outcome: 'failure' },
    ])
  })

  it('that refuses and breaks off, while it is asked the other way, harms nobody', async () => {
    let first: Socket | undefined
    const server = await fakeServer((socket) => {
      socket.once('data', (chunk: Buffer) => {
        if (chunk.includes('pgwitness catalog')) socket.destroy()
        else if (chunk.length > 8) {
          first = socket
          socket.write(message('E', 'SFATAL\0C28000\0Mnot like this\0\0'))
        } else if (first !== undefined) {
          // The reset reaches the proxy before the answer to its request for TLS.
          const answer = () => setImmediate(() => socket.write('N'))
          first.once('close', answer)
          first.resetAndDestroy()
        } else socket.write('N')
      })
    })
    const proxy = await startProxy(postgres, {
      upstream: { port: server.port, tls: { mode: 'allow' } },
    })
    const raw = await RawClient.connect(proxy.port)
    raw.send(login)
    expect(await raw.closed()).toContain('not like this')
    expect(connects(await proxy.finish())).toMatchObject([
      { command: 'connection received' },
      { command: 'authentication failed', sqlstate: '28000', message: 'not like this' },
    ])
    server.close()
  })

  it.each([
    ['without a SQLSTATE', 'SFATAL\0Mgo away\0\0', 'XX000', 'go away'],
    ['with one that is none', 'SFATAL\0Cnot a code\0Mgo away\0\0', 'XX000', 'go away'],
    ['with nothing in it', 'SFATAL\0\0', 'XX000', 'no reason was given'],
  ])('that refuses %s leaves a whole record', async (_name, body, sqlstate, words) => {
    const records = await facing(
      (socket) => socket.end(message('E', body)),
      async (proxy) => {
        const raw = await RawClient.connect(proxy.port)
        raw.send(login)
        // It is the server's own answer, as it is.
        expect(await raw.closed()).toBe(message('E', body).toString('latin1'))
      },
    )
    expect(connects(records)[1]).toMatchObject({
      command: 'connection refused',
      sqlstate,
      message: words,
    })
  })

  it.each([
    ['before it has admitted the client', Buffer.alloc(0)],
    ['after AuthenticationOk', authentication_ok],
  ])('that never stops talking %s fills nothing, and has its time', async (_name, first) => {
    const notices = Buffer.concat(
      Array.from({ length: 64 }, () => message('N', `SNOTICE\0M${'n'.repeat(1_000)}\0\0`)),
    )
    let sent_bytes = 0
    const talk = (socket: Socket) => {
      socket.write(first)
      const more = () => {
        while (!socket.destroyed && socket.write(notices)) sent_bytes += notices.length
        sent_bytes += notices.length
      }
      socket.on('drain', more)
      more()
    }
    const records = await facing(talk, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      raw.socket.pause()
      const heap_bytes = liveHeapBytes()
      const { external } = process.memoryUsage()
      raw.send(login)
      await proxy.recordsUntil((all) => all.some(({ command }) => command === 'connection refused'))
      // The kernel's own buffers hold some MiB on every leg; a proxy without bounds, all of it.
      expect(sent_bytes).toBeLessThan(64 * mebibyte)
      expect(liveHeapBytes() - heap_bytes).toBeLessThan(16 * mebibyte)
      expect(process.memoryUsage().external - external).toBeLessThan(32 * mebibyte)
      raw.end()
    })
    expect(connects(records)[1]).toMatchObject({ sqlstate: '08006' })
  })
})

describe('after the login, a server', () => {
  it.each([
    ['that claims less than nothing', lengthOf('D', -1), 'invalid length -1'],
    ['that claims 2 GiB', lengthOf('D', 2 ** 31 - 1), 'invalid length 2147483647'],
    ['of an unknown type', message('?', 'x'), 'unknown backend message type'],
    ['whose status is none', message('Z', 'Q'), 'invalid transaction status'],
    ['whose tag is endless', lengthOf('C', 2 ** 30), 'bytes in message'],
    ['whose tag has no end', message('C', 'SELECT 1'), 'unterminated command tag'],
  ])('%s loses its session, and the record says why', async (_name, words, reason) => {
    const records = await facing(
      (socket) => {
        socket.write(admitted)
        socket.on('data', () => socket.write(words))
      },
      async (proxy) => {
        const raw = await RawClient.connect(proxy.port)
        raw.send(login, query('INSERT INTO t VALUES (1)'))
        await raw.closed()
        await proxy.recordsUntil((all) => all.some(({ command }) => command === 'disconnection'))
      },
    )
    expect(statementsOf(records)).toMatchObject([{ command: 'INSERT', outcome: 'unknown' }])
    const violation = records.find(({ command }) => command === 'protocol violation')
    expect(violation).toMatchObject({ sqlstate: '08P01' })
    expect(violation?.message).toContain(reason)
    expect(records.find(({ command }) => command === 'disconnection')).toMatchObject({
      detail: { reason: 'server protocol violation' },
    })
  })
})

describe('a real server that quotes what it refuses', () => {
  it('does not make a record as long as the statement', async () => {
    const proxy = await startProxy(postgres)
    const client: pg.Client = await proxy.client()
    const text = `SELECT '${'é'.repeat(4 * mebibyte)}'::int`
    const failure = await client.query(text).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: '22P02' })
    // The client gets all of it.
    expect(String(failure).length).toBeGreaterThan(4 * mebibyte)
    const records = statementsOf(await proxy.finish()).filter((record) => !record['phase'])
    expect(records).toMatchObject([{ sqlstate: '22P02', outcome: 'failure' }])
    const { message: words = '' } = records[0] ?? {}
    expect(words).toMatch(/^invalid input syntax for type integer: "é+/)
    expect(Buffer.byteLength(words)).toBeLessThan(70_000)
  })
})
