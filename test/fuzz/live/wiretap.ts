import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Cutter } from '../cutting.js'

/** The two streams of one session, as they crossed between the proxy and the server. */
export interface TappedSession {
  readonly from_client: Buffer[]
  readonly from_server: Buffer[]
  /** True when the server closed while the client had not. */
  server_closed_first: boolean
}

/**
 * A relay between the proxy and the server, which cuts both streams anew and keeps what crosses
 * for the sessions whose application_name is that of a case.
 */
export class Wiretap {
  readonly sessions = new Map<string, TappedSession>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #cuts: ReadonlyMap<string, number>
  port = 0

  /** `cuts` has the seed of the cuts for each application_name that is a case. */
  private constructor(target_port: number, cuts: ReadonlyMap<string, number>) {
    this.#cuts = cuts
    const options = { host: '127.0.0.1', port: target_port, allowHalfOpen: true, noDelay: true }
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const upstream = connect(options)
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket)
        socket.on('close', () => this.#sockets.delete(socket))
      }
      client.once('data', (packet: Buffer) => this.#relay(client, upstream, packet))
      client.once('close', () => upstream.destroySoon())
      // What was said before an error is still relayed; `close` comes behind it.
      for (const socket of [client, upstream]) socket.on('error', () => {})
    })
  }

  static async open(target_port: number, cuts: ReadonlyMap<string, number>): Promise<Wiretap> {
    const tap = new Wiretap(target_port, cuts)
    tap.#server.listen(0, '127.0.0.1')
    await once(tap.#server, 'listening')
    const address = tap.#server.address()
    tap.port = typeof address === 'object' && address !== null ? address.port : 0
    return tap
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #relay(client: Socket, upstream: Socket, packet: Buffer): void {
    const name = applicationOf(packet)
    const cut = this.#cuts.get(name)
    if (cut === undefined) {
      inPieces(client, upstream, new Cutter(0), undefined, packet)
      inPieces(upstream, client, new Cutter(0), undefined)
      return
    }
    const kept: TappedSession = { from_client: [], from_server: [], server_closed_first: false }
    this.sessions.set(name, kept)
    const serverClosed = () => {
      if (!client.readableEnded && !client.destroyed) kept.server_closed_first = true
    }
    upstream.once('end', serverClosed)
    upstream.once('error', serverClosed)
    inPieces(client, upstream, new Cutter(cut), kept.from_client, packet)
    inPieces(upstream, client, new Cutter(cut * 2), kept.from_server)
  }
}

/** The application_name of a startup packet; none where the packet is something else. */
function applicationOf(packet: Buffer): string {
  return /\0application_name\0([^\0]*)\0/.exec(packet.toString('latin1'))?.[1] ?? ''
}

function inPieces(
  from: Socket,
  to: Socket,
  cutter: Cutter,
  kept: Buffer[] | undefined,
  first: Buffer = Buffer.alloc(0),
): void {
  let earlier = Promise.resolve()
  const then = (step: () => void | Promise<void>) => {
    earlier = earlier.then(step)
  }
  const pass = (chunk: Buffer) => {
    kept?.push(Buffer.from(chunk))
    then(async () => {
      for (const piece of cutter.cut(chunk)) {
        to.write(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
  }
  if (first.length > 0) pass(first)
  from.on('data', pass)
  from.on('end', () => then(() => void to.end()))
  from.on('close', () => then(() => to.destroySoon()))
}
