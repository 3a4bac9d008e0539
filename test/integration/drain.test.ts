import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { fakeServer } from '../support/fake-server.js'
import { Gate, startGated } from '../support/gated-proxy.js'
import { ipv4Header } from '../support/proxy-headers.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'
import { connectByTls, ssl_request } from '../support/tls-client.js'

/** The process stops while a client is anywhere in its login. */

const login = startupPacket({ user: 'somebody', database: 'postgres' })
const hello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
const password_request = message('R', Buffer.from([0, 0, 0, 3]))
const admitted = message('R', Buffer.from([0, 0, 0, 0]))

type Proxy = Awaited<ReturnType<typeof startGated>>

/** Brings a client to where it is when the process stops; `seen` is what the server has had. */
interface Stage {
  readonly name: string
  /** What it has come to when the proxy waits for more. */
  reach(port: number, server: Server): Promise<RawClient>
  /** The records of the connection, by command and SQLSTATE. */
  readonly records: readonly string[]
  /** What the client is told. */
  readonly words: RegExp
}

interface Server {
  readonly port: number
  /** Resolves with the next socket that has sent something. */
  greeted(): Promise<Socket>
  close(): void
}

const silent = /^$/
const refused = /C57P01\0Mterminating connection due to administrator command\0/
const story = ['connection received', 'connection refused 57P01']

async function saying(port: number, ...parts: Buffer[]): Promise<RawClient> {
  const raw = await RawClient.connect(port)
  raw.send(...parts)
  return raw
}

const stages: readonly Stage[] = [
  {
    name: 'that has said nothing',
    reach: (port) => RawClient.connect(port),
    records: [],
    words: silent,
  },
  {
    name: 'that has been told to begin TLS, and has not',
    async reach(port) {
      const raw = await saying(port, codePacket(ssl_request))
      await raw.until((text) => text === 'S')
      return raw
    },
    records: [],
    words: /^S$/,
  },
  {
    name: 'in the middle of its handshake',
    async reach(port) {
      const raw = await saying(port, codePacket(ssl_request))
      await raw.until((text) => text === 'S')
      raw.send(hello)
      return raw
    },
    records: [],
    words: /^S$/,
  },
  {
    name: 'that has TLS, and has not said who it is',
    reach: async (port) => (await connectByTls(port, {})).raw,
    records: [],
    words: silent,
  },
  {
    name: 'that has said half of who it is',
    reach: (port) => saying(port, login.subarray(0, 11)),
    records: [],
    words: silent,
  },
  {
    name: 'that has said half of who it is, by TLS',
    async reach(port) {
      const { raw } = await connectByTls(port, {})
      raw.send(login.subarray(0, 11))
      return raw
    },
    records: [],
    words: silent,
  },
  {
    name: 'that was answered nothing by the server',
    async reach(port, server) {
      const raw = await saying(port, login)
      await server.greeted()
      return raw
    },
    records: story,
    words: refused,
  },
  {
    name: 'that is asked for its password',
    async reach(port, server) {
      const raw = await saying(port, login)
      const socket = await server.greeted()
      socket.write(password_request)
      await raw.until((text) => text.includes('R'))
      return raw
    },
    records: story,
    words: refused,
  },
  {
    name: 'that is asked for its password, by TLS',
    async reach(port, server) {
      const { raw } = await connectByTls(port, {})
      raw.send(login)
      const socket = await server.greeted()
      socket.write(password_request)
      await raw.until((text) => text.includes('R'))
      return raw
    },
    records: story,
    words: refused,
  },
  {
    name: 'that was let in, and is not served yet',
    async reach(port, server) {
      const raw = await saying(port, login)
      const socket = await server.greeted()
      socket.write(Buffer.concat([password_request]))
      await raw.until((text) => text.includes('R'))
      raw.send(message('p', 'secret\0'))
      await once(socket, 'data')
      socket.write(admitted)
      await raw.until((text) => text.includes(admitted.toString('latin1')))
      return raw
    },
    records: story,
    words: refused,
  },
  {
    name: 'that was refused, and does not close',
    async reach(port) {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
      await once(socket, 'connect')
      const raw = RawClient.over(socket)
      raw.send(startupPacket({ user: 'somebody' }, 0x0004_0000))
      await raw.until((text) => text.includes('0A000'))
      return raw
    },
    records: ['connection received', 'connection refused 0A000'],
    words: /C0A000.*server supports 3.0 to 3.2\0\0$/,
  },
]

/** One that says nothing of its own. */
async function startServer(): Promise<Server> {
  const waiting: ((socket: Socket) => void)[] = []
  const { port, close } = await fakeServer((socket) => {
    socket.once('data', () => waiting.shift()?.(socket))
  })
  return { port, close, greeted: () => new Promise((resolve) => waiting.push(resolve)) }
}

describe.skipIf(!opensslInstalled())('at the stop a client (skips without openssl)', () => {
  const { cert, key } = makeCertificates()
  let server: Server

  beforeAll(async () => {
    server = await startServer()
  })

  afterAll(() => server.close())

  async function start(gate: Gate, listen: object = {}): Promise<Proxy> {
    const upstream = { host: '127.0.0.1', port: server.port }
    const tls = { mode: 'allow', cert, key }
    return await startGated(upstream, gate, { listen: { port: 0, tls, ...listen } })
  }

  it.each(stages)('$name: is told what the trail tells', async ({ reach, records, words }) => {
    const gate = new Gate()
    const proxy = await start(gate)
    const raw = await reach(proxy.port, server)
    // What was sent last has come once a later connection is answered.
    const later = await saying(proxy.port, startupPacket({ user: 'later' }, 0x0002_0000))
    await later.closed()
    const port = raw.socket.localPort
    await proxy.stop()
    raw.socket.end()
    expect(await raw.closed()).toMatch(words)
    const told = gate.records
      .filter((record) => record.session?.['client_port'] === port)
      .map((record) => `${record.command} ${record.sqlstate ?? ''}`.trim())
    expect(told).toEqual(records)
  })

  it('behind a load balancer, within its header, is told nothing', async () => {
    const gate = new Gate()
    const proxy = await start(gate, { proxy_protocol: ['127.0.0.1'] })
    const raw = await saying(proxy.port, ipv4Header([192, 0, 2, 7], 4711).subarray(0, 20))
    const later = await saying(proxy.port, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await later.closed()
    await proxy.stop()
    expect(await raw.closed()).toBe('')
    expect(gate.records.map((record) => record.command)).toEqual([
      'connection received',
      'connection refused',
    ])
  })

  it('in its login that reads nothing does not keep the process', async () => {
    const gate = new Gate()
    const proxy = await start(gate)
    const raw = await saying(proxy.port, login)
    raw.socket.pause()
    const socket = await server.greeted()
    // More than all buffers on the way hold: the proxy has words that it cannot get rid of.
    const notice = message('N', `SNOTICE\0M${'x'.repeat(200_000)}\0\0`)
    const filled = new Promise<void>((resolve) => {
      const fill = () => {
        while (socket.write(notice));
        const timer = setTimeout(resolve, 500)
        socket.once('drain', () => {
          clearTimeout(timer)
          fill()
        })
      }
      fill()
    })
    await filled
    // The end of the time to drain comes before the server's socket is closed: timers are next.
    await new Promise((resolve) => setImmediate(resolve))
    const before_ms = performance.now()
    const closed = proxy.listener.close(0)
    while (performance.now() - before_ms < 20);
    await closed
    expect(performance.now() - before_ms).toBeLessThan(limits.farewell_ms - 500)
    await proxy.stop()
    raw.end()
    expect(gate.records.at(-1)).toMatchObject({ command: 'connection refused', sqlstate: '57P01' })
  })
})
