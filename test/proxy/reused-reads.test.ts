import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { reusedReads, takeReads, withReusedReads } from '../../src/proxy/reused-reads.js'

const open: (Server | Socket)[] = []

afterEach(() => {
  for (const each of open.splice(0)) {
    if (each instanceof Socket) each.destroy()
    else each.close()
  }
})

async function listening(accept: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.push(socket)
    accept(socket)
  })
  server.listen(0, '127.0.0.1')
  open.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function connected(port: number, options = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, ...options })
  open.push(socket)
  await once(socket, 'connect')
  return socket
}

/** Bytes that repeat at no distance that a buffer has: what is overwritten shows. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 17 + (at >> 16)) & 0xff
  return bytes
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A relay as the proxy's: from an accepted socket to `port`, and back. */
async function relay(port: number): Promise<number> {
  return await listening((accepted) => {
    const client = withReusedReads(accepted)
    const { onread, of } = reusedReads()
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, onread })
    of(server)
    open.push(client, server)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      takeReads(from, (chunk) => {
        if (!to.write(chunk)) from.pause()
        return to.writableLength === 0
      })
      to.on('drain', () => from.resume())
      from.on('end', () => to.end())
    }
  })
}

async function readAll(socket: Socket, slowly: boolean): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) throw new Error('not bytes')
    chunks.push(chunk)
    bytes += chunk.length
    // Long enough for all buffers between the two to be full again and again.
    if (slowly && bytes > 1_000_000) {
      bytes = 0
      await sleep(5)
    }
  }
  return Buffer.concat(chunks)
}

describe('bytes that are read into reused buffers', () => {
  const sent = pattern(40 * 1024 * 1024)

  test('reach a slow reader whole, both ways at once', async () => {
    const port = await listening((socket) => {
      socket.pipe(socket)
    })
    const client = await connected(await relay(port))
    const received = readAll(client, true)
    client.end(sent)
    expect(digest(await received)).toBe(digest(sent))
  })

  // Small pieces are less than what makes a socket ask for a pause: reading goes on while they wait.
  test('reach a reader whole that stalls until nothing more can be sent, in small pieces', async () => {
    const readers: Socket[] = []
    const port = await listening((socket) => {
      readers.push(socket)
    })
    const client = await connected(await relay(port))
    let at = 0
    const send = () => {
      const size = 1 + (at % 1_500)
      client.write(sent.subarray(at, at + size))
      at += size
    }
    while (client.writableLength === 0 && at < sent.length) {
      send()
      await nextTurn()
    }
    expect(at).toBeLessThan(sent.length)
    const [reader] = readers
    if (reader === undefined) throw new Error('nobody reads')
    const received = readAll(reader, false)
    for (let more = 0; more < 1_000; more++) send()
    client.end()
    const whole = await received
    expect(whole.length).toBe(at)
    expect(digest(whole)).toBe(digest(sent.subarray(0, at)))
  })
})

describe('a socket with reused reads', () => {
  test('is a stream until somebody takes its reads', async () => {
    const sockets: Socket[] = []
    const port = await listening((accepted) => {
      sockets.push(withReusedReads(accepted))
    })
    const client = await connected(port)
    client.write('first')
    await expect.poll(() => sockets.length).toBe(1)
    const [socket] = sockets
    if (socket === undefined) throw new Error('nothing was accepted')
    open.push(socket)
    const [first] = await once(socket, 'data')
    expect(String(first)).toBe('first')
    socket.pause()
    client.write('second')
    await expect.poll(() => socket.bytesRead >= 5).toBe(true)
    const taken: string[] = []
    takeReads(socket, (chunk) => {
      taken.push(chunk.toString())
      return true
    })
    socket.resume()
    await expect.poll(() => taken.join('')).toBe('second')
    client.write('third')
    await expect.poll(() => taken.join('')).toBe('secondthird')
    client.end()
    await once(socket, 'end')
  })

  test('gives a place away that its taker keeps, and uses another one again', async () => {
    const kept: Buffer[] = []
    const port = await listening((accepted) => {
      const socket = withReusedReads(accepted)
      open.push(socket)
      takeReads(socket, (chunk) => {
        kept.push(chunk)
        return false
      })
      socket.resume()
    })
    const client = await connected(port)
    for (const text of ['one', 'two', 'three']) {
      client.write(text)
      await expect.poll(() => Buffer.concat(kept).toString().endsWith(text)).toBe(true)
    }
    expect(Buffer.concat(kept).toString()).toBe('onetwothree')
  })

  test('holds little while it reads little, and reads much at once', async () => {
    const rooms: number[] = []
    const port = await listening((accepted) => {
      const socket = withReusedReads(accepted)
      open.push(socket)
      takeReads(socket, (chunk) => {
        rooms.push(chunk.buffer.byteLength)
        return true
      })
      socket.resume()
    })
    const client = await connected(port)
    client.write('short')
    await expect.poll(() => rooms.at(-1)).toBe(limits.read_buffer_least_bytes)
    client.write(pattern(1024 * 1024))
    await expect.poll(() => rooms.at(-1)).toBe(limits.read_buffer_most_bytes)
    for (let round = 0; round < 100; round++) {
      const before = rooms.length
      client.write('short')
      await expect.poll(() => rooms.length).toBeGreaterThan(before)
    }
    expect(rooms.at(-1)).toBe(limits.read_buffer_least_bytes)
  })
})
