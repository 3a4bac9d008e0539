import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import { errorResponse, protocol2Error } from '../wire/originate.js'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import type { CancelRelay } from './cancel.js'
import { type AddressList, proxiedEndpoint } from './client-address.js'
import { relayLogin } from './login-relay.js'
import { ClientGone, type Negotiated, NegotiationRefusal, negotiate } from './negotiation.js'
import { readProxyHeader } from './read-proxy-header.js'
import { Relay } from './relay.js'
import { certificateOf, openServerLeg } from './server-leg.js'
import type { ClientEndpoint, SessionTap, TapFactory, TapViolation } from './tap.js'
import type { TlsMaterial } from './tls-material.js'
import { upstreamName } from './upstream.js'

/** Why a login ended that nobody refused. */
const gone = {
  client: 'the client closed the connection during the login',
  server: 'the server closed the connection during the login',
} as const

/** Source: src/backend/tcop/postgres.c, ProcessInterrupts. */
const administrator_command = 'terminating connection due to administrator command'

/** What every connection needs. */
export interface ConnectionParts {
  readonly config: Config
  readonly material: TlsMaterial
  readonly allow: AddressList
  /** Whose connections begin with a PROXY header. */
  readonly balancers: AddressList
  readonly taps: TapFactory
  /**
   * Takes one of the places that `limits.connections` counts, to be given back by `leave`; a
   * refusal when there is none, or when the process is stopping.
   */
  enter(): { readonly sqlstate: string; readonly message: string } | undefined
  leave(): void
  readonly cancels: CancelRelay
  /** An error that no peer caused. */
  report(error: unknown): void
}

/** One accepted socket, from its first byte to its end. */
export class Connection {
  readonly #parts: ConnectionParts
  /** The peer of the socket until a PROXY header tells the client behind it. */
  #endpoint: ClientEndpoint
  #socket: Socket
  #server: Socket | undefined
  #connecting: Socket | undefined
  #tap: SessionTap | undefined
  /** TLS with the client, once it is up. */
  #tls: { readonly protocol: string; readonly certificate: boolean } | undefined
  /** True while a TLS handshake is under way. */
  #handshaking = false
  #relay: Relay | undefined
  #entered = false
  #stopping = false
  /** True when the time of all farewells is over. */
  #aborted = false
  /** True when the server is no longer wanted, before its connection was up. */
  #given_up = false
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, endpoint: ClientEndpoint, parts: ConnectionParts) {
    this.#socket = socket
    this.#endpoint = endpoint
    this.#parts = parts
  }

  /** True when it is the session of this server process, and statements of it are held back. */
  holdsBack(pid: number): boolean {
    return this.#tap?.holdsBack(pid) === true
  }

  /** Runs the connection to its end; never rejects. */
  async run(): Promise<void> {
    const ignore = () => {}
    // Errors of a phase are seen by its own listeners; this one keeps the rest from being thrown.
    this.#socket.on('error', ignore)
    this.#timer = setTimeout(() => this.#tooLate(), this.#parts.config.limits.startup_timeout_ms)
    try {
      await this.#negotiate()
    } catch (error) {
      this.#failed(error)
    } finally {
      clearTimeout(this.#timer)
      if (this.#entered) this.#parts.leave()
      this.#tap?.closed('')
    }
    await this.#farewell()
    clearTimeout(this.#timer)
  }

  /** Called now and then: ends the session when its client has asked for nothing for so long. */
  endIfIdle(now_ms: number, longest_ms: number): void {
    this.#relay?.endIfIdle(now_ms, longest_ms)
  }

  /**
   * The process stops: idle sessions end at once, busy ones when their work is done. A login that
   * the trail knows of is refused; who has not said who it is hears nothing, as from the server.
   */
  drain(): void {
    this.#stopping = true
    if (this.#relay !== undefined) {
      this.#relay.drain()
      return
    }
    if (this.#tap !== undefined) this.#refuse('57P01', administrator_command)
    this.#destroy()
  }

  /** Ends the session now, whether or not its peers take what was sent to them. */
  abort(): void {
    this.#aborted = true
    this.#relay?.abort('57P01', administrator_command)
    this.#destroy()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#server?.destroy()
      this.#socket.destroy()
    }, limits.abort_ms)
  }

  async #negotiate(): Promise<void> {
    const { config, material } = this.#parts
    if (this.#parts.balancers.has(this.#endpoint)) {
      const header = await readProxyHeader(this.#socket, this.#endpoint)
      this.#endpoint = proxiedEndpoint(this.#endpoint, header)
    }
    // A probe that connects and closes is no session; it is one from its first whole packet on,
    // or when it says something that is not the protocol.
    const tap = () => this.#openTap()
    const securing = () => {
      this.#handshaking = true
    }
    const secured = (socket: TLSSocket) => {
      this.#handshaking = false
      socket.on('error', () => {})
      this.#socket = socket
      this.#tls = { protocol: socket.getProtocol() ?? 'TLS', certificate: false }
    }
    const certified = () => {
      this.#tls = { protocol: this.#tls?.protocol ?? 'TLS', certificate: true }
    }
    const events = { securing, secured, certified }
    const negotiated = await negotiate(this.#socket, material.listen, events)
    const { startup } = negotiated
    if (startup.kind === 'cancel') {
      clearTimeout(this.#timer)
      if (!this.#allowed) {
        // A cancel has no answer, not even this one; the trail has it.
        tap().refused('28000', this.#notAllowed())
        return
      }
      const refusal = this.#parts.taps.refusal
      if (refusal !== undefined) {
        // The server would act on it, and nothing might ever tell so.
        tap().refused(refusal.sqlstate, refusal.message)
        return
      }
      this.#parts.taps.cancelRequest(this.#endpoint, startup.pid, startup.key)
      await this.#parts.cancels.relay(negotiated.packet, startup.pid, {
        opened: this.#opened,
        givenUp: () => this.#given_up,
      })
      return
    }
    if (startup.major !== 3) {
      const message = `unsupported frontend protocol ${startup.major}.${startup.minor}: server supports 3.0 to 3.2`
      tap().refused('0A000', message)
      this.#socket.end(
        startup.major < 3 ? protocol2Error(message) : errorResponse('FATAL', '0A000', message),
      )
      return
    }
    tap().startup(startup.parameters, upstreamName(config.upstream))
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      this.#refuse(refusal.sqlstate, refusal.message, refusal.hint)
      return
    }
    this.#entered = true
    await this.#login(negotiated, tap())
  }

  /** Unix sockets are always allowed: their directory's mode says who may connect. */
  get #allowed(): boolean {
    return this.#endpoint.address === '[local]' || this.#parts.allow.has(this.#endpoint)
  }

  #refusal(): TapViolation | undefined {
    if (!this.#allowed) {
      const hint = 'Add the address, or its network, to listen.allow.'
      return { sqlstate: '28000', message: this.#notAllowed(), hint }
    }
    return this.#parts.taps.refusal ?? this.#parts.enter()
  }

  #notAllowed(): string {
    return `connections from ${this.#endpoint.address} are not allowed (listen.allow)`
  }

  async #login(negotiated: Negotiated, tap: SessionTap): Promise<void> {
    const { config, material, taps } = this.#parts
    const client = negotiated.socket
    let answer: Buffer
    try {
      const { packet } = negotiated
      const leg = await openServerLeg(config.upstream, material.upstream, packet, this.#opened)
      this.#server = leg.socket
      answer = leg.answer
      this.#compareCertificates(leg.socket, tap)
      taps.upstreamState(true, `connected to ${upstreamName(config.upstream)}`)
    } catch (error) {
      if (!(error instanceof WitnessError)) throw error
      if (this.#given_up) return
      taps.upstreamState(false, error.message)
      this.#refuse('08001', error.message, error.hint)
      return
    }
    const server = this.#server
    if (client.destroyed || this.#given_up) {
      if (!this.#given_up) tap.refused('08006', gone.client)
      server.destroy()
      return
    }
    const end = await relayLogin(client, server, tap, negotiated.rest, answer)
    if (end.kind !== 'admitted') clearTimeout(this.#timer)
    if (end.kind === 'closed') {
      // An error of the server is already on its way to the client.
      if (!end.worded && !this.#given_up) this.#loginLeft(end.by, tap)
      server.destroySoon()
      return
    }
    if (end.kind === 'refused') {
      server.destroy()
      this.#refuse(end.refusal.sqlstate, end.refusal.message, end.refusal.hint)
      return
    }
    await new Promise<void>((resolve) => {
      this.#relay = new Relay(client, server, tap, (reason) => {
        tap.closed(reason)
        resolve()
      })
      this.#relay.start(end)
      if (this.#stopping) this.#relay.drain()
    })
  }

  /**
   * The time for the login is over. It lasts until the server is ready for the first query: after
   * AuthenticationOk, too, a server may stall, or refuse.
   */
  #tooLate(): void {
    if (this.#tap?.authorized) return
    const message = `no login within ${this.#parts.config.limits.startup_timeout_ms} ms`
    if (this.#relay === undefined) {
      this.#refuse('08006', message)
      this.#destroy()
    } else {
      this.#relay.abort('08006', message)
    }
  }

  /** A server owes the client its word; a client that leaves gets none, as from the server itself. */
  #loginLeft(by: 'client' | 'server', tap: SessionTap): void {
    if (by === 'client') tap.refused('08006', gone.client)
    else this.#refuse('08006', gone.server)
  }

  #compareCertificates(server: Socket, tap: SessionTap): void {
    const shown = certificateOf(server)
    if (shown === undefined) return
    const ours = this.#parts.material.listen?.certificate
    const same = ours?.equals(shown) === true
    if (ours !== undefined) this.#parts.taps.upstreamCertificate(same)
    tap.upstreamSecured(same)
  }

  #openTap(): SessionTap {
    if (this.#tap === undefined) {
      this.#tap = this.#parts.taps.open(this.#endpoint)
      if (this.#tls !== undefined) this.#tap.secured(this.#tls.protocol, this.#tls.certificate)
    }
    return this.#tap
  }

  /**
   * Tells the client, and the record, why it is not served; the record alone in a handshake. What
   * comes of a connection that was given up is its end by us, and nobody's mistake.
   */
  #refuse(sqlstate: string, message: string, hint?: string): void {
    if (this.#given_up) return
    this.#openTap().refused(sqlstate, message)
    if (this.#handshaking || this.#socket.destroyed || this.#socket.writableEnded) return
    this.#socket.end(errorResponse('FATAL', sqlstate, message, hint))
  }

  #failed(error: unknown): void {
    if (error instanceof ClientGone) {
      // Who has come by TLS has sent something whole.
      const heard = error.received_bytes > 0 || this.#tls !== undefined
      if (heard) this.#refuse(error.sqlstate, error.message)
    } else if (error instanceof ProtocolViolation) {
      const advice = error.advice ?? 'This port speaks the PostgreSQL protocol.'
      this.#refuse('08P01', error.message, advice)
    } else if (error instanceof NegotiationRefusal) {
      this.#refuse(error.sqlstate, error.message, error.hint)
    } else {
      this.#refuse('XX000', 'internal error of the audit proxy')
      this.#parts.report(error)
    }
    this.#server?.destroy()
  }

  /**
   * The client reads its last message and closes. One that does not is cut off: nobody else
   * watches this socket any more.
   */
  async #farewell(): Promise<void> {
    const socket = this.#socket
    if (socket.destroyed) return
    await new Promise<void>((resolve) => {
      const farewell_ms = this.#aborted ? limits.abort_ms : limits.farewell_ms
      this.#timer = setTimeout(() => socket.destroy(), farewell_ms)
      socket.once('close', () => resolve())
      socket.once('end', () => socket.destroySoon())
      if (socket.readableEnded || this.#stopping) socket.destroySoon()
      else socket.end()
      socket.resume()
    })
  }

  /** Until the login begins, what is under way to the server can be given up at any time. */
  #opened = (socket: Socket): void => {
    this.#connecting = socket
    if (this.#given_up) socket.destroy()
  }

  #destroy(): void {
    this.#given_up = true
    if (this.#server === undefined) this.#connecting?.destroy()
    this.#server?.destroySoon()
    this.#socket.destroySoon()
  }
}
