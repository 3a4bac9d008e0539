import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { fakeServer } from '../support/fake-server.js'
import { Gate, startGated } from '../support/gated-proxy.js'
import { codePacket, RawClient, startupPacket } from '../support/raw-client.js'

/** Connections that come while the trail has no room: their records wait, and nothing may grow. */

const places = 10
const bound = places + limits.unauthenticated_sockets
/** Refused without a server. */
const old_protocol = startupPacket({ user: 'nobody' }, 0x0002_0000)
const cancel = Buffer.concat([codePacket(80877102), Buffer.alloc(8, 7)])
cancel.writeInt32BE(cancel.length)

let server: Awaited<ReturnType<typeof fakeServer>>
let gate: Gate
let proxy: Awaited<ReturnType<typeof startGated>>

beforeEach(async () => {
  // What a server does with a cancel request that names nobody.
  server = await fakeServer((socket) => socket.once('data', () => socket.end()))
  gate = new Gate()
  const upstream = { host: '127.0.0.1', port: server.port }
  proxy = await startGated(upstream, gate, { limits: { connections: places } })
})

afterEach(async () => {
  gate.open()
  await proxy.stop()
  server.close()
})

/** Connects, says this, and gives what came until the end. */
async function say(packet: Buffer): Promise<string> {
  const raw = await RawClient.connect(proxy.port)
  raw.send(packet)
  const text = await raw.closed()
  raw.end()
  return text
}

async function sayOften(packet: Buffer, times: number): Promise<string[]> {
  const answers: string[] = []
  while (answers.length < times) {
    answers.push(...(await Promise.all(Array.from({ length: 50 }, () => say(packet)))))
  }
  return answers
}

const recorded = (command: string) =>
  gate.records.filter((record) => record.command === command).length

describe('while the trail has no room', () => {
  it('no more refused connections are kept than may be open at once', async () => {
    gate.close()
    const answers = await sayOften(old_protocol, bound + 200)
    const refused = answers.filter((text) => text.includes('unsupported frontend protocol')).length
    // Beyond them a connection is closed before it says anything.
    expect(gate.waiting).toBeLessThanOrEqual(bound + 50)
    expect(gate.waiting).toBe(refused)
    expect(recorded('connection refused')).toBe(0)
    gate.open()
    expect(recorded('connection received')).toBe(refused)
    expect(recorded('connection refused')).toBe(refused)
    expect(await say(old_protocol)).toContain('unsupported frontend protocol')
  })

  it('no more cancel requests are kept than connections may be open at once', async () => {
    gate.close()
    await sayOften(cancel, bound + 200)
    const kept = gate.waiting
    expect(kept).toBeLessThanOrEqual(bound + 50)
    gate.open()
    expect(recorded('cancel request')).toBe(kept)
    await say(cancel)
    expect(recorded('cancel request')).toBe(kept + 1)
  })

  it('the record of a cancel request is waited for at the stop', async () => {
    gate.close()
    await say(cancel)
    expect(gate.waiting).toBe(1)
    const settled = proxy.auditor.settled(60_000)
    const first = new Promise((resolve) => setImmediate(resolve, 'waits'))
    expect(await Promise.race([settled, first])).toBe('waits')
    gate.open()
    expect(await settled).toBe(0)
    expect(recorded('cancel request')).toBe(1)
  })
})
