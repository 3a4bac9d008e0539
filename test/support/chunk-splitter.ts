import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Random, randomOf } from './random.js'

/**
 * How streams are cut: at places that follow from a seed, or behind every byte (of the first 256
 * bytes of each chunk: megabytes would take minutes).
 */
export type Cutting = number | 'bytes'

/** A relay that cuts what it passes on; `port` is where it listens, on all addresses. */
export interface ChunkSplitter {
  readonly port: number
  close(): void
}

/** Where a relay passes its connections on to. */
export interface SplitterTarget {
  readonly port: number
  /** By default the address that the client chose, so that the target sees it as local or not. */
  readonly host?: string
}

const single_bytes = 256
const piece_bytes = 65_536

/** What PGWITNESS_SPLIT asks for: a seed or the word `bytes`; undefined when it is not set. */
export function cuttingOfEnvironment(): Cutting | undefined {
  const word = process.env['PGWITNESS_SPLIT']
  if (word === undefined || word === '') return undefined
  if (word === 'bytes') return word
  if (!/^\d+$/.test(word)) throw new Error(`PGWITNESS_SPLIT is neither a seed nor bytes: ${word}`)
  return Number(word)
}

/** Starts a relay to `target` that cuts both directions of every connection. */
export async function startChunkSplitter(
  target: SplitterTarget,
  cutting: Cutting,
): Promise<ChunkSplitter> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const host = target.host ?? client.localAddress?.replace(/^::ffff:/, '') ?? '127.0.0.1'
    const upstream = connect({ host, port: target.port, allowHalfOpen: true, noDelay: true })
    const random = randomOf((cutting === 'bytes' ? 0 : cutting) + 7919 * ++connections)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('close', () => sockets.delete(from))
      relay(from, to, cutting === 'bytes' ? byteByByte : randomLengths(random))
    }
  })
  server.listen(0)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was assigned')
  return {
    port: address.port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Length of the next piece of a chunk of which so many bytes have been passed on. */
type PieceLength = (passed: number) => number

const byteByByte: PieceLength = (passed) => (passed < single_bytes ? 1 : piece_bytes)

/** Short pieces and long ones: those within a header, those across many messages, and bulk. */
function randomLengths(random: Random): PieceLength {
  return () => {
    const kind = random(16)
    if (kind < 6) return 1 + random(7)
    return 1 + random(kind < 14 ? 900 : piece_bytes)
  }
}

/** Passes on what comes, piece by piece, each in a turn of its own of the event loop. */
function relay(from: Socket, to: Socket, pieceLength: PieceLength): void {
  let at_work = false
  let ended = false
  const finish = () => {
    if (at_work) return
    // Closed without an end of its own it was cut off: so is the other, behind what was on its way.
    if (from.destroyed) to.destroySoon()
    else if (ended) to.end()
  }
  // A reset comes with a close, which lets through what had been received before it.
  from.on('error', () => {})
  from.on('data', async (chunk: Buffer) => {
    at_work = true
    from.pause()
    for (let at = 0, length = 0; at < chunk.length && !to.destroyed; at += length) {
      length = pieceLength(at)
      if (!to.write(chunk.subarray(at, at + length))) await drained(to)
      await new Promise((resolve) => setImmediate(resolve))
    }
    at_work = false
    from.resume()
    finish()
  })
  from.on('end', () => {
    ended = true
    finish()
  })
  from.on('close', finish)
}

async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) return
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.removeListener('drain', done)
      socket.removeListener('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}
