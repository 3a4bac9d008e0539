import type { SessionCatalog } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import type { ClientEndpoint, LoginVerdict, SessionTap, TapViolation } from '../proxy/tap.js'
import { ClientStream } from '../session/client-stream.js'
import { Conversation } from '../session/conversation.js'
import { ServerStream } from '../session/server-stream.js'
import { SessionState } from '../session/session-state.js'
import { TextDecoding } from '../session/text-decoding.js'
import { FramedViolation, Framer } from '../wire/framer.js'
import { terminate } from '../wire/originate.js'
import { AnswerGate } from './answer-gate.js'
import type { AuditorParts } from './auditor-parts.js'
import { DefaultSettings } from './default-settings.js'
import { Login } from './login.js'
import { RecordOutlet } from './record-outlet.js'
import { SessionIdentity } from './session-identity.js'
import { SessionRecorder } from './session-recorder.js'
import { askRefusal, loginRefusal, outcome_lost } from './trail-failure.js'
import { watchedFacts } from './watched-facts.js'

/**
 * One session's way from bytes to records. Chunks are framed and matched as they pass; finished
 * executions are resolved, judged, formatted and handed to the trail in the order of the answers.
 * Where facts or room in the trail are missing the pipeline stops and goes on when they come.
 */
export class AuditedSession implements SessionTap {
  readonly #parts: AuditorParts
  readonly #identity: SessionIdentity
  readonly #login: Login
  readonly #conversation = new Conversation()
  readonly #decoding = new TextDecoding()
  readonly #client: ClientStream
  readonly #server: ServerStream
  readonly #client_framer: Framer
  readonly #server_framer: Framer
  #names: SessionCatalog | undefined
  /** Makes the records of what is asked once the server has let the client in. */
  #recorder: SessionRecorder | undefined
  readonly #records: RecordOutlet
  readonly #defaults = new DefaultSettings()
  /** Where answers wait for their records. */
  readonly answers: AnswerGate | undefined
  /** True when nothing more of the server comes. */
  #lost = false
  #closed = false
  /** True after an error of our own: nothing more of this session is let through. */
  #failed = false
  violation: TapViolation | undefined
  onRelease: (() => void) | undefined

  constructor(parts: AuditorParts, id: number, endpoint: ClientEndpoint) {
    this.#parts = parts
    this.#identity = new SessionIdentity(id, endpoint)
    this.#records = new RecordOutlet(parts, () => this.#resume())
    this.#login = new Login(this.#identity, parts, (record) => this.#records.write(record))
    const facts = watchedFacts(parts.facts, () => this.#names?.release_connection())
    this.#client = new ClientStream(this.#conversation, facts, this.#decoding, {
      analysed_bytes: parts.config.limits.analysed_bytes,
      record_parameters: parts.config.audit.parameters === 'full',
      parameter_max_bytes: parts.config.audit.parameter_max_bytes,
    })
    this.#server = new ServerStream(this.#conversation, {
      backendKeyData: (pid) => this.#identity.setPid(pid),
      parameterStatus: (name, value) => this.#parameterStatus(name, value),
      sessionError: (fields) => {
        this.answers?.endsSoon()
        this.#login.sessionError(fields)
      },
      readyForQuery: () => this.#login.readyForQuery(),
    })
    this.#client_framer = new Framer(this.#client, parts.config.limits.message_bytes)
    if (parts.config.audit.durability === 'ack') {
      this.answers = new AnswerGate({
        stream: this.#server,
        conversation: this.#conversation,
        trail: parts.trail,
        records: this.#records,
        cover: (running) => this.#recorder?.cover(running),
        opened: () => this.onRelease?.(),
      })
    }
    this.#server_framer = new Framer(
      this.answers ?? this.#server,
      parts.config.limits.message_bytes,
    )
    this.#login.received()
  }

  get holdsClient(): boolean {
    return this.holdsServer || (this.#client.stopped && !this.#conversation.copying)
  }

  /** A full trail, a late parser or much to record pauses both sides, but never inside COPY. */
  get holdsServer(): boolean {
    if (this.#conversation.copying) return false
    if (this.#records.blocked || this.#recorder?.goes_on === true) return true
    return this.#conversation.events.length > limits.pending_requests
  }

  get authorized(): boolean {
    return this.#login.authorized
  }

  holdsBack(pid: number): boolean {
    const owes = this.#conversation.owed.length > 0
    return this.#identity.part.pid === pid && this.holdsClient && !owes
  }

  get idle(): boolean {
    const { owed, events } = this.#conversation
    const told = this.#recorder?.idle ?? events.length === 0
    return told && owed.length === 0 && this.answers?.holds !== true
  }

  get serverAtBoundary(): boolean {
    return this.answers?.at_boundary ?? this.#server_framer.atBoundary
  }

  get clientAtBoundary(): boolean {
    return this.#client_framer.atBoundary
  }

  secured(protocol: string, certificate: boolean): void {
    this.#identity.setTls(protocol, certificate)
  }

  upstreamSecured(same_certificate: boolean): void {
    this.#login.upstream_tls = { same_certificate }
  }

  startup(parameters: ReadonlyMap<string, string>, server: string): void {
    this.#identity.setStartup(parameters, server)
    this.#client.replication = this.#identity.replication !== undefined
  }

  loginMessage(message: Buffer): LoginVerdict {
    const { failing } = this.#parts.trail
    if (failing !== undefined) {
      const { sqlstate, message, hint = '' } = loginRefusal(failing)
      return { action: 'refuse', sqlstate, message, hint }
    }
    const verdict = this.#login.message(message)
    if (verdict.action === 'admit') this.#open()
    return verdict
  }

  loginAnswer(message: Buffer): void {
    this.#login.answer(message)
  }

  /**
   * The server let the client in. Only now is the catalog asked for its database: a name that
   * nobody was admitted to must not open a connection of ours.
   */
  #open(): void {
    const { user = '', database } = this.#identity.part
    const names = this.#parts.catalog.open(database)
    // Where there is no database there is no catalog to wait for.
    this.#defaults.known = database === undefined
    this.#names = names
    const state = new SessionState({ user, database: database ?? '' }, names)
    const startup = this.#identity.startup_parameters
    this.#defaults.begin(state, startup)
    this.#recorder = new SessionRecorder(
      {
        parts: this.#parts,
        identity: this.#identity,
        login: this.#login,
        records: this.#records,
        defaults: this.#defaults,
        conversation: this.#conversation,
        answers: this.answers,
        state,
        names,
        startup,
      },
      () => this.#resume(),
    )
  }

  fromClient(chunk: Buffer, from: number): number {
    if (this.#parts.trail.failing !== undefined && !this.#takesLeave(chunk, from)) {
      this.#endForTrail()
      return from
    }
    this.#client.now_us = this.#parts.clock.nowMicroseconds()
    const taken = this.#feed(this.#client_framer, chunk, from)
    // After an error the server skips requests in silence: nothing of it would call us.
    if (this.#conversation.events.length > 0) this.#drain()
    return this.#failed ? from : taken
  }

  fromServer(chunk: Buffer, from: number): number {
    this.#server.now_us = this.#parts.clock.nowMicroseconds()
    const taken = this.#feed(this.#server_framer, chunk, from)
    this.answers?.fed(taken - from)
    this.#drain()
    // Behind answers whose records find no room the session would wait for ever.
    if (this.#records.blocked || this.answers?.holds === true) this.#endForTrail()
    return this.#failed ? from : taken
  }

  /**
   * Records can be kept nowhere from now on. A session that waits for room for its records is
   * ended; another one when it asks for something.
   */
  trailFailed(): void {
    const waits = this.#records.blocked || this.answers?.holds === true
    if (this.#closed || !waits) return
    this.#endForTrail()
    this.onRelease?.()
  }

  /** What the client asks for could not be recorded: it is not forwarded, a COMMIT least of all. */
  #endForTrail(): void {
    const { failing } = this.#parts.trail
    if (failing === undefined) return
    // The answer to what was asked before is lost, whatever else the client has been told.
    if (this.answers?.holds === true) this.violation = outcome_lost
    else this.violation ??= askRefusal(failing)
  }

  /** Who only says goodbye asks for nothing: the server rolls back what is open. */
  #takesLeave(chunk: Buffer, from: number): boolean {
    return this.#client_framer.atBoundary && terminate.equals(chunk.subarray(from))
  }

  refused(sqlstate: string, message: string): void {
    this.#login.refused(sqlstate, message)
  }

  closed(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#login.end_reason = this.#client.terminated ? 'terminate' : reason
    this.serverEnded()
  }

  serverEnded(): void {
    if (!this.#lost) {
      this.#lost = true
      this.answers?.hasEnded()
      this.#conversation.lost(this.#parts.clock.nowMicroseconds())
    }
    this.#drain()
  }

  #feed(framer: Framer, chunk: Buffer, from: number): number {
    try {
      return framer.feed(chunk, from)
    } catch (error) {
      if (!(error instanceof FramedViolation)) {
        this.#fail(error)
        return from
      }
      this.violation = { sqlstate: '08P01', message: error.message }
      return Math.max(from, error.offset)
    }
  }

  /**
   * Called now and then: a statement that has been running for `start_after` leaves a start
   * record, so that a process that dies meanwhile leaves a trace of it.
   */
  tick(now_us: number): void {
    if (this.#failed) return
    try {
      this.#recorder?.tick(now_us)
    } catch (error) {
      this.#fail(error)
      this.onRelease?.()
    }
  }

  /**
   * Takes finished executions as far as facts, names and room in the trail allow. A defect of
   * ours ends this session and no other: what cannot be recorded is not let through.
   */
  #drain(): void {
    try {
      // Before the login only records of the login wait.
      const through = this.#failed || (this.#recorder?.drain() ?? !this.#records.blocked)
      if (through && (this.#closed || this.#failed)) this.#finish()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.violation = { sqlstate: 'XX000', message: 'internal error of the audit proxy' }
    this.#parts.log.error(
      { err: error, session: this.#identity.part.id },
      'a session could not be audited and was ended',
    )
    this.#login.refused(this.violation.sqlstate, this.violation.message)
    this.#finish()
  }

  #resume(): void {
    this.#drain()
    this.onRelease?.()
  }

  #parameterStatus(name: string, value: string): void {
    this.#decoding.parameterStatus(name, value)
    if (name === 'search_path') this.#defaults.search_path_reported = true
    else if (name === 'application_name') this.#identity.setApplication(value)
  }

  #finish(): void {
    if (!this.#login.finished) {
      this.#login.finish()
      this.#names?.close()
    }
    // Its last record, too, must have found room before the session is through.
    if (!this.#records.blocked) this.#parts.sessionClosed(this)
  }
}
