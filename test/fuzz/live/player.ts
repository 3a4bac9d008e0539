import { connect, type Socket } from 'node:net'
import { startupPacket } from '../../support/raw-client.js'
import { Cutter } from '../cutting.js'
import { type Act, bytesOf, type Script } from '../script.js'

/** What a client sent and got. */
export interface Played {
  readonly sent: Buffer
  readonly received: Buffer
  /** True when it ended its session by destroying the socket. */
  readonly dropped: boolean
  /** True when the session did not end within its time. */
  readonly hung: boolean
  /** True when it wrote to a side that had closed: what it had not yet read by then is lost to it. */
  readonly was_reset: boolean
}

const wait_ms = 150
const session_ms = 40_000

/** Whether the last whole message leaves it to the client to speak: ReadyForQuery, CopyInResponse. */
function awaitsClient(received: Buffer): boolean {
  let letter = ''
  let at = 0
  while (at + 5 <= received.length) {
    const length = received.readInt32BE(at + 1)
    if (length < 4) return true
    letter = String.fromCharCode(received.readUInt8(at))
    at += 1 + length
  }
  return at === received.length && 'ZGWE'.includes(letter)
}

/** Plays the client's lines of one script against a port, to the end of the session. */
export class Player {
  readonly #port: number
  readonly #script: Script
  readonly #sent: Buffer[] = []
  readonly #received: Buffer[] = []
  readonly #socket: Socket
  #received_bytes = 0
  #closed = false
  #was_reset = false
  #wake: (() => void) | undefined

  private constructor(port: number, script: Script, socket: Socket) {
    this.#port = port
    this.#script = script
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(Buffer.from(chunk))
      this.#received_bytes += chunk.length
      this.#wake?.()
    })
    socket.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
    socket.on('error', () => {
      this.#was_reset = true
    })
  }

  static async play(port: number, script: Script): Promise<Played> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return await new Player(port, script, socket).#run()
  }

  get received(): Buffer {
    return Buffer.concat(this.#received)
  }

  async #run(): Promise<Played> {
    const cutter = new Cutter(this.#script.cut * 3)
    let dropped = false
    await this.#send(startupPacket(this.#script.startup), cutter)
    for (const line of this.#script.lines) {
      if (this.#closed || dropped) break
      if (line.kind !== 'act') {
        if (line.side === '>') await this.#send(bytesOf(line), cutter)
      } else {
        dropped = await this.#act(line.act)
      }
    }
    if (!this.#closed && !this.#socket.writableEnded) this.#socket.end()
    const hung = !(await this.#until(() => this.#closed, session_ms))
    this.#socket.destroy()
    return {
      sent: Buffer.concat(this.#sent),
      received: this.received,
      dropped,
      hung,
      was_reset: this.#was_reset,
    }
  }

  async #send(bytes: Buffer, cutter: Cutter): Promise<void> {
    if (this.#socket.writableEnded) return
    for (const piece of cutter.cut(bytes)) {
      this.#sent.push(piece)
      this.#socket.write(piece)
      if (this.#script.cut !== 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** True when the socket was destroyed. */
  async #act(act: Act): Promise<boolean> {
    switch (act) {
      case 'wait': {
        const before = this.#received_bytes
        await this.#until(
          () => this.#closed || (this.#received_bytes > before && awaitsClient(this.received)),
          wait_ms,
        )
        return false
      }
      case 'cancel':
        await this.#cancel()
        return false
      case 'half-close':
        this.#socket.end()
        return false
      case 'drop':
        this.#socket.destroy()
        return true
      default:
        return act satisfies never
    }
  }

  /** A cancel request of its own connection, with the key that the server gave. */
  async #cancel(): Promise<void> {
    const received = this.received
    const at = received.indexOf(Buffer.from('K\0\0\0'))
    if (at < 0) return
    const key = received.subarray(at + 5, at + 1 + received.readInt32BE(at + 1))
    const packet = Buffer.alloc(8 + key.length)
    packet.writeInt32BE(packet.length, 0)
    packet.writeInt32BE(80877102, 4)
    key.copy(packet, 8)
    const socket = connect({ host: '127.0.0.1', port: this.#port })
    socket.on('error', () => {})
    socket.end(packet)
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
      socket.resume()
    })
  }

  async #until(done: () => boolean, longest_ms: number): Promise<boolean> {
    const deadline_ms = performance.now() + longest_ms
    while (!done()) {
      const left_ms = deadline_ms - performance.now()
      if (left_ms <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left_ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    return true
  }
}
