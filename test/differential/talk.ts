import { message } from '../support/messages.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

/** A message of the server: its letter and its body. */
export interface Answer {
  readonly letter: string
  readonly body: Buffer
}

const patience_ms = 30_000

/** A raw connection that knows where the server's messages begin. */
export class Talk {
  readonly raw: RawClient
  readonly answers: Answer[] = []
  /** Bytes before the first message: answers to requests for encryption. */
  #at = 0

  private constructor(raw: RawClient) {
    this.raw = raw
  }

  static async open(port: number): Promise<Talk> {
    return new Talk(await RawClient.connect(port))
  }

  send(...parts: readonly Buffer[]): void {
    this.raw.send(...parts)
  }

  /** Sends a request for encryption and waits for its letter, which is no message. */
  async ask(packet: Buffer): Promise<void> {
    this.send(packet)
    this.#at += 1
    await this.raw.until(() => this.raw.received.length >= this.#at)
  }

  /** The letters of all messages so far, such as `RSSKZ`. */
  get letters(): string {
    this.#frame()
    return this.answers.map(({ letter }) => letter).join('')
  }

  /** Waits until the letters look so, or the connection is closed. */
  async until(letters: RegExp): Promise<void> {
    await withPatience(
      this.raw.until(() => letters.test(this.letters)),
      () => `waiting for ${letters} after ${this.letters}: ${this.raw.text.slice(-500)}`,
    )
  }

  /** Waits for so many more ReadyForQuery than there were at the last call. */
  async ready(more = 1): Promise<void> {
    this.#ready += more
    const wanted = this.#ready
    await this.until(new RegExp(`(?:Z[^Z]*){${wanted}}`))
  }
  #ready = 0

  /** Startup packet and the wait for ReadyForQuery, for a user that needs no password. */
  async login(parameters: Readonly<Record<string, string>> = {}, version?: number): Promise<void> {
    this.send(startupPacket({ user: 'trusted', database: 'talk', ...parameters }, version))
    await this.ready()
  }

  /** Sends, and waits for so many ReadyForQuery. */
  async exchange(parts: readonly Buffer[], more = 1): Promise<void> {
    this.send(...parts)
    await this.ready(more)
  }

  /** Says Terminate and waits for the end. */
  async finish(): Promise<void> {
    this.send(message('X'))
    await this.closed()
  }

  async closed(): Promise<void> {
    await withPatience(this.raw.closed(), () => `waiting for the end after ${this.letters}`)
  }

  /** What came before the first message, and what came behind the last whole one. */
  get unframed(): string {
    this.#frame()
    return `${this.raw.text.slice(0, this.#prefix)}|${this.raw.text.slice(this.#at)}`
  }
  #prefix = 0

  #frame(): void {
    const { received } = this.raw
    if (this.answers.length === 0) this.#prefix = this.#at
    while (received.length >= this.#at + 5) {
      const end = this.#at + 1 + received.readUInt32BE(this.#at + 1)
      if (received.length < end) return
      const letter = String.fromCharCode(received.readUInt8(this.#at))
      this.answers.push({ letter, body: received.subarray(this.#at + 5, end) })
      this.#at = end
    }
  }
}

/** A hanging conversation says where it hangs, rather than be a test without a word. */
async function withPatience<Value>(promise: Promise<Value>, where: () => string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(where())), patience_ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
