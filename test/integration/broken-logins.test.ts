import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { fakeServer } from '../support/fake-server.js'
import { Gate, startGated } from '../support/gated-proxy.js'
import { ipv4Header } from '../support/proxy-headers.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'
import { ssl_request, startTls } from '../support/tls-client.js'

/** However a connection ends, the trail tells its end, once. */

const login = startupPacket({ user: 'somebody', database: 'postgres' })
const password_request = message('R', Buffer.from([0, 0, 0, 3]))
const admitted = message('R', Buffer.from([0, 0, 0, 0]))
const ready = message('Z', 'I')
const fatal = message('E', 'SFATAL\0VFATAL\0C53300\0Mtoo many connections for role\0\0')

const left_by_client = '08006 the client closed the connection during the login'
const left_by_server = '08006 the server closed the connection during the login'
const lost =
  /^connection refused 08006 the connection was lost before the startup packet was complete \(/

let server: Awaited<ReturnType<typeof fakeServer>>
let gate: Gate
let proxy: Awaited<ReturnType<typeof startGated>>
/** What the server does with the socket of a client that has sent its startup packet. */
let serve: (socket: Socket) => void

async function start(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  proxy = await startGated({ host: '127.0.0.1', port: server.port }, gate, more)
}

beforeEach(async () => {
  serve = () => {}
  server = await fakeServer((socket) => socket.once('data', () => serve(socket)))
  gate = new Gate()
})

afterEach(async () => {
  gate.open()
  await proxy.stop()
  server.close()
})

async function saying(bytes: Buffer): Promise<RawClient> {
  const raw = await RawClient.connect(proxy.port)
  raw.send(bytes)
  return raw
}

/** What the trail tells of the one connection that has been, once it is over. */
async function story(): Promise<string[]> {
  const ends = () => gate.records.length > 1 && proxy.auditor.unsettled === 0
  await expect.poll(ends, { timeout: 20_000 }).toBe(true)
  const [received, ...rest] = gate.records
  expect(received?.command).toBe('connection received')
  return rest.map((record) => [record.command, record.sqlstate, record.message].join(' ').trim())
}

describe('a login that was let in', () => {
  it('and that the server drops before it is ready has an end', async () => {
    await start()
    serve = (socket) => socket.end(Buffer.concat([password_request, admitted]))
    const raw = await saying(login)
    await raw.closed()
    expect(await story()).toEqual([`connection refused ${left_by_server}`])
  })

  it('and that the server refuses before it is ready has no second end', async () => {
    await start()
    serve = (socket) => socket.end(Buffer.concat([password_request, admitted, fatal]))
    expect(await (await saying(login)).closed()).toContain('C53300')
    expect(await story()).toEqual(['connection refused 53300 too many connections for role'])
  })

  it.each(['closes', 'is reset'])(
    'and whose client %s before it is ready has an end',
    async (how) => {
      await start()
      serve = (socket) => socket.write(Buffer.concat([password_request, admitted]))
      const raw = await saying(login)
      await raw.until((text) => text.includes(admitted.toString('latin1')))
      if (how === 'closes') raw.end()
      else raw.socket.resetAndDestroy()
      expect(await story()).toEqual([`connection refused ${left_by_client}`])
    },
  )
})

/** The later of two connections has been answered: what the first had sent has come. */
async function untilHeard(): Promise<void> {
  await (await saying(startupPacket({ user: 'later' }, 0x0002_0000))).closed()
  await expect.poll(() => proxy.auditor.unsettled).toBe(0)
  gate.records.length = 0
}

describe('a connection that is reset', () => {
  it('within its startup packet has an end', async () => {
    await start()
    const raw = await saying(login.subarray(0, 11))
    await untilHeard()
    raw.socket.resetAndDestroy()
    expect(await story()).toEqual([expect.stringMatching(lost)])
  })

  it('within its PROXY header has an end', async () => {
    await start({ listen: { port: 0, proxy_protocol: ['127.0.0.1'] } })
    const raw = await saying(ipv4Header([192, 0, 2, 7], 4711).subarray(0, 20))
    await untilHeard()
    raw.socket.resetAndDestroy()
    expect(await story()).toEqual([expect.stringMatching(lost)])
  })

  it.skipIf(!opensslInstalled())('when it has TLS has an end (skips without openssl)', async () => {
    const { cert, key } = makeCertificates()
    await start({ listen: { port: 0, tls: { mode: 'allow', cert, key } } })
    const socket = connect({ host: '127.0.0.1', port: proxy.port })
    await once(socket, 'connect')
    socket.write(codePacket(ssl_request))
    await once(socket, 'data')
    await startTls(socket, {})
    await untilHeard()
    socket.resetAndDestroy()
    expect(await story()).toEqual([expect.stringMatching(lost)])
  })
})

describe('a defect of our own', () => {
  it('is told to the client and the trail, and ends no other session', async () => {
    await start()
    serve = (socket) => socket.write(Buffer.concat([password_request, admitted, ready]))
    const { upstreamState } = proxy.auditor
    proxy.auditor.upstreamState = () => {
      throw new Error('a defect')
    }
    expect(await (await saying(login)).closed()).toContain('CXX000')
    expect(proxy.errors.splice(0)).toEqual([new Error('a defect')])
    expect(await story()).toEqual(['connection refused XX000 internal error of the audit proxy'])
    proxy.auditor.upstreamState = upstreamState
    const next = await saying(login)
    await next.until((text) => text.includes('Z'))
    next.end()
  })
})

describe('a session that is over', () => {
  it('is through when the record of its end has found room, not before', async () => {
    await start()
    serve = (socket) => {
      socket.write(Buffer.concat([password_request, admitted, ready]))
      socket.on('end', () => socket.end())
    }
    const raw = await saying(login)
    await raw.until((text) => text.includes(ready.toString('latin1')))
    gate.close()
    raw.end()
    await gate.refused
    expect(proxy.auditor.unsettled).toBe(1)
    gate.open()
    expect(proxy.auditor.unsettled).toBe(0)
    expect(gate.records.at(-1)).toMatchObject({ command: 'disconnection' })
  })

  it('gives its place back though its client does not close', async () => {
    await start({ limits: { connections: 1 } })
    serve = (socket) => {
      socket.write(Buffer.concat([password_request, admitted, ready]))
      socket.once('data', () => socket.end())
    }
    const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true })
    await once(socket, 'connect')
    const raw = RawClient.over(socket)
    raw.send(login)
    await raw.until((text) => text.includes(ready.toString('latin1')))
    raw.send(message('X'))
    await once(socket, 'end')
    const next = async () => {
      const other = await saying(login)
      const text = await other.until((said) => /C53300|Z/.test(said))
      other.end()
      return text
    }
    await expect.poll(next, { timeout: 30_000, interval: 100 }).toContain('Z')
    socket.destroy()
  })
})
