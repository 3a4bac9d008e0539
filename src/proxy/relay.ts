import type { Socket } from 'node:net'
import { limits } from '../lib/limits.js'
import { errorResponse, terminate } from '../wire/originate.js'
import { HeldAnswers } from './held-answers.js'
import type { Admission } from './login-relay.js'
import { takeReads } from './reused-reads.js'
import type { SessionTap, TapViolation } from './tap.js'

const no_bytes: Buffer = Buffer.alloc(0)

/** A peer does not talk the protocol. */
const protocol_violation = '08P01'

/**
 * Passes bytes between an admitted client and its server, through the tap, until both are closed.
 * Each direction is paused while the other side cannot take more, or while the tap says so.
 */
export class Relay {
  readonly #client: Socket
  readonly #server: Socket
  readonly #tap: SessionTap
  readonly #closed: (reason: string) => void
  /** Bytes of the client that the tap has not taken yet. */
  #client_rest: Buffer = no_bytes
  #client_blocked = false
  #server_blocked = false
  #client_ended = false
  /** What the session ends for, as far as it is acted upon. */
  #violation: TapViolation | undefined
  #draining = false
  #over = false
  readonly #open = new Set<'client' | 'server'>(['client', 'server'])
  #reason = ''
  #end_timer: NodeJS.Timeout | undefined
  /** What of the server's answers came after the client was gone. */
  #unheard_bytes = 0
  /** Bytes that the client had sent when it was last looked at, and since when there are no more. */
  #seen_bytes = -1
  #idle_since_ms = 0

  /** Where answers wait for their records. */
  readonly #held: HeldAnswers | undefined
  /** True when the server says nothing more, and the client is not told so yet. */
  #server_ended = false

  /** `closed` is called once, when both sockets are closed. */
  constructor(client: Socket, server: Socket, tap: SessionTap, closed: (reason: string) => void) {
    this.#client = client
    this.#server = server
    this.#tap = tap
    this.#closed = closed
    this.#held = tap.answers !== undefined ? new HeldAnswers() : undefined
  }

  /** Goes on where the login ended. */
  start(login: Admission): void {
    const client = this.#client
    const server = this.#server
    takeReads(client, this.#clientData)
    takeReads(server, this.#serverData)
    client.on('end', () => this.#clientEnd())
    server.on('end', () => this.#serverEnd())
    client.on('drain', () => this.#clientDrained())
    server.on('drain', () => this.#serverDrained())
    client.on('error', (error) => this.#lost('client', error))
    server.on('error', (error) => this.#lost('server', error))
    client.on('close', () => this.#socketClosed('client'))
    server.on('close', () => this.#socketClosed('server'))
    this.#tap.onRelease = () => this.#release()
    // Either may have gone between the login and this moment.
    if (client.destroyed) this.#socketClosed('client')
    if (server.destroyed) this.#socketClosed('server')
    if (this.#over) return
    if (login.server_rest.length > 0) this.#serverData(login.server_rest)
    if (login.client_rest.length > 0 && !client.destroyed) this.#clientData(login.client_rest)
    if (login.client_ended) this.#clientEnd()
    this.#resumeClient()
    this.#resumeServer()
  }

  /** The process stops: an idle session ends at once, a busy one when its work is done. */
  drain(): void {
    this.#draining = true
    this.#endWhenIdle()
  }

  /**
   * Called now and then. What the client has sent is counted by its socket anyway, so that no
   * chunk has to leave a mark; a client that does not take its answers is not idle.
   */
  endIfIdle(now_ms: number, longest_ms: number): void {
    const { bytesRead } = this.#client
    const quiet = bytesRead === this.#seen_bytes && this.#client.writableLength === 0
    if (!quiet || !this.#tap.authorized || !this.#tap.idle) {
      this.#seen_bytes = bytesRead
      this.#idle_since_ms = now_ms
      return
    }
    if (now_ms - this.#idle_since_ms < longest_ms || this.#client_ended) return
    // Source: PostgreSQL's idle_session_timeout, src/backend/tcop/postgres.c.
    this.abort('57P05', 'terminating connection due to idle-session timeout', 'idle timeout')
  }

  /** Ends the session now, whatever it does. */
  abort(sqlstate: string, message: string, reason = 'proxy', hint?: string): void {
    if (this.#over) return
    this.#over = true
    this.#reason = reason
    this.#tap.refused(sqlstate, message)
    this.#held?.drop()
    if (this.#tap.serverAtBoundary && !this.#client.destroyed) {
      this.#client.end(errorResponse('FATAL', sqlstate, message, hint))
    }
    this.#client.destroySoon()
    // Behind half a message of the client, Terminate would complete it: the server would run it.
    if (this.#tap.clientAtBoundary && !this.#server.writableEnded) this.#server.end(terminate)
    this.#server.destroySoon()
    this.#endWithin(limits.farewell_ms)
  }

  /** True when nothing of the chunk is kept, neither here nor by a socket that is to send it. */
  readonly #clientData = (chunk: Buffer): boolean => {
    if (this.#violated || this.#over || this.#server_ended) return true
    if (this.#client_rest.length > 0) {
      this.#client_rest = Buffer.concat([this.#client_rest, chunk])
      return true
    }
    this.#feedClient(chunk)
    return this.#client_rest.length === 0 && this.#server.writableLength === 0
  }

  #feedClient(chunk: Buffer): void {
    const end = this.#tap.fromClient(chunk, 0)
    if (end > 0) {
      const taken = end === chunk.length ? chunk : chunk.subarray(0, end)
      if (!this.#server.write(taken)) this.#server_blocked = true
    }
    if (this.#tap.violation !== undefined) {
      this.#violate(this.#tap.violation)
      return
    }
    this.#client_rest = end === chunk.length ? no_bytes : chunk.subarray(end)
    if (this.#server_blocked || this.#tap.holdsClient) this.#client.pause()
    if (this.#tap.holdsServer) this.#server.pause()
  }

  /** True when nothing of the chunk is kept, neither here nor by a socket that is to send it. */
  readonly #serverData = (chunk: Buffer): boolean => {
    if (this.#over) return true
    this.#feedServer(chunk)
    return this.#held?.keeps_reads !== true && this.#client.writableLength === 0
  }

  #feedServer(chunk: Buffer): void {
    const end = this.#tap.fromServer(chunk, 0)
    if (end > 0) this.#toClient(end === chunk.length ? chunk : chunk.subarray(0, end))
    const { violation } = this.#tap
    if (violation !== undefined && violation !== this.#violation) {
      this.#violation = violation
      if (violation.sqlstate !== protocol_violation) {
        this.#abortFor(violation)
        return
      }
      this.#reason = 'server protocol violation'
      this.#tap.refused(violation.sqlstate, violation.message)
      this.#client.destroy()
      this.#server.destroy()
      return
    }
    if (this.#client_blocked || this.#holdsServer) this.#server.pause()
    if (this.#client.isPaused()) this.#release()
    if (this.#draining) this.#endWhenIdle()
  }

  #toClient(bytes: Buffer): void {
    if (this.#client.destroyed) {
      this.#unheard(bytes.length)
    } else if (this.#held !== undefined) {
      this.#held.hold(bytes)
      this.#passAnswers(this.#held)
    } else if (!this.#client.write(bytes)) {
      this.#client_blocked = true
    }
  }

  #passAnswers(held: HeldAnswers): void {
    if (!held.pass(this.#tap.answers?.passable ?? 0, this.#client)) this.#client_blocked = true
  }

  get #violated(): boolean {
    return this.#violation !== undefined
  }

  get #holdsServer(): boolean {
    if (this.#held !== undefined && this.#held.bytes > limits.held_answer_bytes) return true
    return this.#tap.holdsServer
  }

  /** A hold of the tap, or a full buffer, may have ended. */
  #release(): void {
    if (this.#over) return
    const { violation } = this.#tap
    if (violation !== undefined && violation !== this.#violation) {
      this.#violation = violation
      this.#abortFor(violation)
      return
    }
    if (this.#held !== undefined && !this.#client.destroyed) {
      this.#passAnswers(this.#held)
      if (this.#server_ended && this.#tap.answers?.holds !== true) {
        this.#endClient()
        return
      }
    }
    if (!this.#tap.holdsClient && !this.#server_blocked && this.#client_rest.length > 0) {
      const rest = this.#client_rest
      this.#client_rest = no_bytes
      this.#feedClient(rest)
    }
    this.#resumeClient()
    this.#resumeServer()
    // What was held back may have been the end of a transaction.
    if (this.#draining) this.#endWhenIdle()
  }

  #resumeClient(): void {
    if (this.#server_blocked || this.#tap.holdsClient || this.#violated) return
    if (this.#client_rest.length > 0) return
    if (this.#client_ended) this.#endServer()
    else this.#client.resume()
  }

  #resumeServer(): void {
    if (!this.#client_blocked && !this.#holdsServer) this.#server.resume()
  }

  #clientDrained(): void {
    this.#client_blocked = false
    this.#resumeServer()
  }

  #serverDrained(): void {
    this.#server_blocked = false
    this.#release()
  }

  /** The client sends no more: its end is passed on once all that it sent has been. */
  #clientEnd(): void {
    this.#client_ended = true
    if (this.#client_rest.length === 0) this.#endServer()
  }

  #endServer(): void {
    if (!this.#server.writableEnded) this.#server.end()
  }

  #serverEnd(): void {
    if (!this.#owesAnswers()) this.#endClient()
  }

  /** The server says nothing more. True while what it has said must wait for its records. */
  #owesAnswers(): boolean {
    if (this.#held === undefined || this.#client.destroyed || this.#over) return false
    this.#server_ended = true
    this.#tap.serverEnded()
    this.#passAnswers(this.#held)
    return this.#tap.answers?.holds === true
  }

  #endClient(): void {
    const violation = this.#violation
    if (violation !== undefined && this.#tap.serverAtBoundary) {
      const { sqlstate, message, hint } = violation
      this.#client.end(errorResponse('FATAL', sqlstate, message, hint))
    } else {
      this.#client.end()
    }
    if (this.#reason === '') this.#reason = this.#client_ended ? 'client' : 'server'
    // Nothing that the client might still send could be answered.
    this.#client.resume()
    this.#client_rest = no_bytes
    this.#over = true
    this.#server.end()
    if (!this.#open.has('server')) this.#client.destroySoon()
    this.#endWithin(limits.half_open_ms)
  }

  /**
   * The client does not speak the protocol, or asks for what cannot be recorded. Our error goes
   * behind the answers that are still owed: the server's sending side stays open until it has
   * given them.
   */
  #violate(violation: TapViolation): void {
    const { sqlstate, message, patient } = violation
    this.#violation = violation
    this.#reason = sqlstate === protocol_violation ? 'protocol violation' : 'proxy'
    this.#client.pause()
    this.#client_rest = no_bytes
    this.#tap.refused(sqlstate, message)
    this.#server.end()
    this.#endWithin(patient === true ? limits.half_open_ms : limits.violation_end_ms)
  }

  /** The tap holds the answers: nothing is waited for. */
  #abortFor({ sqlstate, message, hint }: TapViolation): void {
    this.abort(sqlstate, message, 'proxy', hint)
  }

  /** Neither side may keep the other's socket open for ever. */
  #endWithin(delay_ms: number): void {
    this.#end_timer ??= setTimeout(() => {
      this.#client.destroy()
      this.#server.destroy()
    }, delay_ms)
    this.#end_timer.unref()
  }

  #endWhenIdle(): void {
    if (this.#over || !this.#tap.idle || !this.#tap.serverAtBoundary) return
    this.abort('57P01', 'terminating connection due to administrator command')
  }

  #lost(side: 'client' | 'server', error: Error): void {
    if (this.#reason === '') this.#reason = `${side} lost (${codeOf(error)})`
    if (side === 'server' && !this.#owesAnswers()) this.#client.destroySoon()
  }

  /**
   * A client that is gone gets nothing more, but what it asked for is audited to its end. A server
   * that has much to say is cut off, as it would be if it talked to that client itself: it need
   * not work for nobody.
   */
  #unheard(bytes: number): void {
    this.#unheard_bytes += bytes
    if (this.#unheard_bytes > limits.unheard_bytes) this.#server.destroy()
  }

  /** The client is gone: the server is told, and its answers to what was asked are awaited. */
  #clientGone(): void {
    this.#client_ended = true
    this.#client_blocked = false
    this.#client_rest = no_bytes
    this.#held?.drop()
    this.#endServer()
    this.#server.resume()
    this.#endWithin(limits.half_open_ms)
  }

  #socketClosed(side: 'client' | 'server'): void {
    if (!this.#open.delete(side)) return
    if (this.#reason === '') this.#reason = side
    if (this.#open.size > 0) {
      if (side === 'client') {
        this.#clientGone()
        return
      }
      // What the server has said is still sent to the client.
      if (!this.#owesAnswers()) this.#client.destroySoon()
      this.#endWithin(limits.half_open_ms)
      return
    }
    this.#over = true
    clearTimeout(this.#end_timer)
    this.#tap.onRelease = undefined
    this.#closed(this.#reason)
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
