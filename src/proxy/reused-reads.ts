import { Socket } from 'node:net'
import { limits } from '../lib/limits.js'

/**
 * Takes bytes as they are read. True when nothing refers to them any more, so that the next bytes
 * may be read to the same place; false when they are kept, or wait to be written.
 */
export type ReadTaker = (chunk: Buffer) => boolean

/** So many reads in a row that fill little of the buffer, and it is made smaller again. */
const small_reads = 64

/**
 * Where a socket's bytes are read to. Node allocates anew for every read, and hands what it read
 * through a stream: for a message of a hundred bytes that costs more than all that we do with it.
 * As long as nobody takes the reads they go through the stream as always.
 *
 * The invariant: a place is read to again only when its taker has said so of all that was read
 * there before. What waits to be written to a slow peer is still in the buffer.
 */
class ReusedReads {
  taker: ReadTaker | undefined
  socket: Socket | undefined
  #buffer: Buffer = Buffer.allocUnsafeSlow(limits.read_buffer_least_bytes)
  #view: Buffer | undefined
  #size: number = limits.read_buffer_least_bytes
  #small = 0
  #free = true

  /** The options of a socket: `buffer` is asked for before each read, `callback` called behind it. */
  readonly onread = {
    buffer: (): Buffer => this.#next(),
    callback: (length: number, buffer: Uint8Array): boolean => this.#read(length, buffer),
  }

  #next(): Buffer {
    if (!this.#free || this.#buffer.length !== this.#size) {
      this.#buffer = Buffer.allocUnsafeSlow(this.#size)
      this.#view = undefined
      this.#free = true
    }
    return this.#buffer
  }

  #read(length: number, buffer: Uint8Array): boolean {
    const { taker, socket } = this
    if (socket === undefined) return false
    this.#resize(length, buffer.length)
    if (taker === undefined || socket.readableLength > 0) {
      return socket.push(Buffer.from(buffer.subarray(0, length)))
    }
    // Answers are often as long as the last one.
    const view = this.#view?.length === length ? this.#view : this.#buffer.subarray(0, length)
    this.#view = view
    this.#free = taker(view)
    return true
  }

  /** Much is read in large pieces, and a session that waits has little to hold. */
  #resize(length: number, room: number): void {
    if (length === room) {
      this.#size = Math.min(room * 4, limits.read_buffer_most_bytes)
      this.#small = 0
    } else if (length * 8 > room) {
      this.#small = 0
    } else if (room > limits.read_buffer_least_bytes && ++this.#small > small_reads) {
      this.#size = limits.read_buffer_least_bytes
      this.#small = 0
    }
  }
}

const reads = new WeakMap<Socket, ReusedReads>()

/** Options for a connection that is going to be made, and what is to be called with its socket. */
export function reusedReads(): {
  readonly onread: ReusedReads['onread']
  readonly of: (socket: Socket) => void
} {
  const own = new ReusedReads()
  const of = (socket: Socket) => {
    own.socket = socket
    reads.set(socket, own)
  }
  return { onread: own.onread, of }
}

/**
 * A socket that reads in this way, in the place of one that was just accepted and from which
 * nothing has been read: `net.Server` makes sockets of the other kind alone. The given one is over.
 */
export function withReusedReads(accepted: Socket): Socket {
  const handle: unknown = Reflect.get(accepted, '_handle')
  // A client that has reset its connection by now has none.
  if (handle === null || handle === undefined) return accepted
  const own = reusedReads()
  const options = { handle, allowHalfOpen: true, onread: own.onread }
  Reflect.set(accepted, '_handle', null)
  const socket = new Socket(options)
  own.of(socket)
  // The server's count of its connections is that of sockets that it made itself.
  accepted.destroy()
  return socket
}

/**
 * Gives what is read from a socket to `taker`, past the stream where the socket was made for that,
 * else by its `data` events. What the stream holds already comes first.
 */
export function takeReads(socket: Socket, taker: ReadTaker): void {
  const own = reads.get(socket)
  if (own !== undefined) own.taker = taker
  socket.on('data', taker)
}
