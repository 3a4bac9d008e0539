import type { Socket } from 'node:net'
import { limits } from '../lib/limits.js'
import { backend, frontend, letterOf } from '../wire/message-types.js'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import type { LoginVerdict, SessionTap } from './tap.js'

/** The server let the client in. What either side had sent beyond the login is handed on. */
export interface Admission {
  readonly kind: 'admitted'
  readonly client_rest: Buffer
  readonly server_rest: Buffer
  /** True when the client will send nothing more. */
  readonly client_ended: boolean
}

/** How a login ended. */
export type LoginEnd =
  | Admission
  | {
      readonly kind: 'refused'
      readonly refusal: Extract<LoginVerdict, { action: 'refuse' }>
    }
  /** The server sent an error and closes, or one of the two is gone. */
  | {
      readonly kind: 'closed'
      readonly by: 'client' | 'server'
      /** True when the client has been told why. */
      readonly worded: boolean
    }

const header_bytes = 5
/** AuthenticationGSSContinue: the last one of an exchange is not answered. */
const gss_continue = 8
const no_bytes: Buffer = Buffer.alloc(0)

/**
 * Relays the login message by message. The client's bytes are passed on only as answers to a
 * challenge of the server, one message each: what it sends early is held until the server has
 * admitted it, since a server that trusts the proxy's address would execute it at once.
 */
export function relayLogin(
  client: Socket,
  server: Socket,
  tap: SessionTap,
  client_rest: Buffer,
  server_rest: Buffer,
): Promise<LoginEnd> {
  return new Promise((resolve, reject) => {
    const login = new LoginRelay(client, server, tap, client_rest, resolve, reject)
    login.start(server_rest)
  })
}

class LoginRelay {
  #from_client: Buffer
  #from_server: Buffer = no_bytes
  #challenges = 0
  /** True when the latest request may have been the last token, which asks for no answer. */
  #answer_optional = false
  #client_ended = false
  /** True when an error of the server was passed on. */
  #worded = false
  #done = false
  readonly #client: Socket
  readonly #server: Socket
  readonly #tap: SessionTap
  readonly #resolve: (end: LoginEnd) => void
  readonly #reject: (error: Error) => void

  constructor(
    client: Socket,
    server: Socket,
    tap: SessionTap,
    client_rest: Buffer,
    resolve: (end: LoginEnd) => void,
    reject: (error: Error) => void,
  ) {
    this.#client = client
    this.#server = server
    this.#tap = tap
    this.#from_client = client_rest
    this.#resolve = resolve
    this.#reject = reject
  }

  start(server_rest: Buffer): void {
    this.#client.on('data', this.#clientData)
    this.#client.on('end', this.#clientEnd)
    this.#client.on('close', this.#clientGone)
    this.#client.on('drain', this.#clientDrained)
    this.#server.on('data', this.#serverData)
    this.#server.on('end', this.#serverGone)
    this.#server.on('close', this.#serverGone)
    // It may have ended while the server was being connected.
    if (this.#client.readableEnded) this.#client_ended = true
    this.#client.resume()
    this.#server.resume()
    this.#serverData(server_rest)
    // It may have gone since it began to answer.
    if (this.#server.destroyed) this.#serverGone()
  }

  #clientData = (chunk: Buffer): void => {
    this.#from_client =
      this.#from_client.length === 0 ? chunk : Buffer.concat([this.#from_client, chunk])
    if (this.#from_client.length > limits.login_message_bytes) this.#client.pause()
    this.#guard(() => this.#answerChallenges())
  }

  #serverData = (chunk: Buffer): void => {
    this.#from_server =
      this.#from_server.length === 0 ? chunk : Buffer.concat([this.#from_server, chunk])
    this.#guard(() => this.#takeServerMessages())
  }

  /** A client may end its side and still read the answers to what it has sent. */
  #clientEnd = (): void => {
    this.#client_ended = true
    this.#guard(() => this.#answerChallenges())
  }

  #clientGone = (): void => this.#closed('client')
  #serverGone = (): void => this.#closed('server')

  #closed(by: 'client' | 'server'): void {
    this.#end({ kind: 'closed', by, worded: this.#worded })
  }

  #answerChallenges(): void {
    while (this.#challenges > 0 && !this.#done) {
      const length = wholeMessage(this.#from_client, 'client')
      if (length === undefined) {
        if (this.#client_ended) this.#clientGone()
        return
      }
      if (this.#from_client.readUInt8(0) !== frontend.password) {
        // Passed on as an answer, a statement would run unseen.
        if (this.#answer_optional) return
        const type = letterOf(this.#from_client.readUInt8(0))
        throw new ProtocolViolation(`expected password response, got message type ${type}`)
      }
      this.#challenges--
      const answer = this.#from_client.subarray(0, length)
      this.#tap.loginAnswer(answer)
      this.#server.write(answer)
      this.#from_client = this.#from_client.subarray(length)
      if (this.#from_client.length <= limits.login_message_bytes) this.#client.resume()
    }
  }

  #takeServerMessages(): void {
    while (!this.#done) {
      const length = ofServer(() => wholeMessage(this.#from_server, 'server'))
      if (length === undefined) return
      const message = this.#from_server.subarray(0, length)
      this.#from_server = this.#from_server.subarray(length)
      this.#serverMessage(message)
    }
  }

  #serverMessage(message: Buffer): void {
    const verdict = ofServer(() => this.#tap.loginMessage(message))
    switch (verdict.action) {
      case 'relay':
        this.#toClient(message)
        if (message.readUInt8(0) === backend.error_response) this.#worded = true
        if (awaitsAnswer(message)) {
          this.#challenges++
          this.#answer_optional = message.readInt32BE(header_bytes) === gss_continue
        }
        this.#answerChallenges()
        return
      case 'replace':
        this.#toClient(verdict.message)
        this.#challenges++
        this.#answerChallenges()
        return
      case 'admit':
        this.#client.write(message)
        this.#end({
          kind: 'admitted',
          client_rest: this.#from_client,
          server_rest: this.#from_server,
          client_ended: this.#client_ended,
        })
        return
      case 'refuse':
        this.#end({ kind: 'refused', refusal: verdict })
        return
      default:
        verdict satisfies never
    }
  }

  /** A server that talks without end must not fill us while its client does not read. */
  #toClient(message: Buffer): void {
    if (!this.#client.write(message)) this.#server.pause()
  }

  #clientDrained = (): void => {
    if (!this.#done) this.#server.resume()
  }

  #guard(step: () => void): void {
    if (this.#done) return
    try {
      step()
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.#detach()
      this.#reject(error)
    }
  }

  #end(end: LoginEnd): void {
    if (this.#done) return
    this.#detach()
    this.#resolve(end)
  }

  #detach(): void {
    this.#done = true
    this.#client.pause()
    this.#server.pause()
    this.#client.removeListener('drain', this.#clientDrained)
    for (const [socket, data, end, close] of [
      [this.#client, this.#clientData, this.#clientEnd, this.#clientGone],
      [this.#server, this.#serverData, this.#serverGone, this.#serverGone],
    ] as const) {
      socket.removeListener('data', data)
      socket.removeListener('end', end)
      socket.removeListener('close', close)
    }
  }
}

/** What is wrong with the server's bytes is nothing that the person at the client could mend. */
function ofServer<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error
    const advice =
      'The operator should see whether PostgreSQL is at upstream.host and upstream.port.'
    throw new ProtocolViolation(error.message, advice)
  }
}

/** Length of the whole message at the beginning of `buffer`, header included. */
function wholeMessage(buffer: Buffer, side: 'client' | 'server'): number | undefined {
  if (buffer.length < header_bytes) return undefined
  const length = buffer.readInt32BE(1)
  if (length < 4 || length > limits.login_message_bytes) {
    const type = letterOf(buffer.readUInt8(0))
    throw new ProtocolViolation(`invalid length ${length} of message ${type} of the ${side}`)
  }
  return buffer.length < length + 1 ? undefined : length + 1
}

/** Authentication requests that the client answers with one message; SASLFinal is not one. */
function awaitsAnswer(message: Buffer): boolean {
  if (message.readUInt8(0) !== backend.authentication || message.length < 9) return false
  const code = message.readInt32BE(header_bytes)
  return code !== 0 && code !== 12
}
