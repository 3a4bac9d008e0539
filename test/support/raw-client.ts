import { connect, type Socket } from 'node:net'

/** A client that speaks in raw bytes, for what no driver would send. */
export class RawClient {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #closed = false
  #waiters: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
    socket.on('error', () => {})
  }

  static connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.removeListener('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  /** The same over a socket that is connected already, TLS on top of it or not. */
  static over(socket: Socket): RawClient {
    return new RawClient(socket)
  }

  send(...parts: readonly (Buffer | string)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))))
  }

  /** Everything received so far, as latin1 text. */
  get text(): string {
    return this.#received.toString('latin1')
  }

  get received(): Buffer {
    return this.#received
  }

  /** Waits until `done` says so of what was received, or the connection closes. */
  async until(done: (text: string) => boolean): Promise<string> {
    while (!done(this.text) && !this.#closed) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
    return this.text
  }

  /** Waits until the peer has closed, and gives all that it said. */
  async closed(): Promise<string> {
    return await this.until(() => false)
  }

  end(): void {
    this.socket.destroy()
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter()
  }
}

/** A startup packet of protocol 3.0 (or another version) with these parameters. */
export function startupPacket(
  parameters: Readonly<Record<string, string>>,
  version = 196608,
): Buffer {
  const body = Object.entries(parameters)
    .map(([name, value]) => `${name}\0${value}\0`)
    .join('')
  const text = Buffer.from(`${body}\0`, 'utf8')
  const packet = Buffer.alloc(8 + text.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(version, 4)
  text.copy(packet, 8)
  return packet
}

/** A frontend message: type letter and body. */
export function message(letter: string, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body)
  const header = Buffer.alloc(5)
  header.write(letter, 0, 'latin1')
  header.writeInt32BE(bytes.length + 4, 1)
  return Buffer.concat([header, bytes])
}

/** SSLRequest, GSSENCRequest: a length and a code. */
export function codePacket(code: number): Buffer {
  const packet = Buffer.alloc(8)
  packet.writeInt32BE(8, 0)
  packet.writeInt32BE(code, 4)
  return packet
}
