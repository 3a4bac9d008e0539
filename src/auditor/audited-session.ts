import type { SessionCatalog } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import type { ClientEndpoint, LoginVerdict, SessionTap, TapViolation } from '../proxy/tap.js'
import { ClientStream } from '../session/client-stream.js'
import { Conversation } from '../session/conversation.js'
import type { SessionReport } from '../session/execution.js'
import { Interpreter } from '../session/interpreter.js'
import { ServerStream } from '../session/server-stream.js'
import { SessionState } from '../session/session-state.js'
import { TextDecoding } from '../session/text-decoding.js'
import { FramedViolation, Framer } from '../wire/framer.js'
import { terminate } from '../wire/originate.js'
import { AnswerGate } from './answer-gate.js'
import type { AuditorParts } from './auditor-parts.js'
import { DefaultSettings } from './default-settings.js'
import { ExecutionRecords } from './execution-records.js'
import { withCalledFunction } from './function-calls.js'
import { LateRecords } from './late-records.js'
import { Login } from './login.js'
import { RecordOutlet } from './record-outlet.js'
import { SessionIdentity } from './session-identity.js'
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
  #state: SessionState | undefined
  #interpreter: Interpreter | undefined
  #late: LateRecords | undefined
  #names: SessionCatalog | undefined
  readonly #records: RecordOutlet
  /** The report whose names are being looked up again, after one refresh. */
  #waiting_report: SessionReport | undefined
  readonly #executions: ExecutionRecords
  #waiting_for_facts = false
  /** True while there is more to record than one turn of the loop may take. */
  #goes_on = false
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
    this.#executions = new ExecutionRecords(
      {
        parts,
        identity: this.#identity,
        login: this.#login,
        records: this.#records,
        defaults: this.#defaults,
      },
      () => this.#resume(),
    )
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
        cover: (running) => this.#executions.running(running, this.#names, this.#state, true),
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
    if (this.#records.blocked || this.#goes_on) return true
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
    // An answer that is not accounted for yet may be that of a BEGIN.
    const { owed, events } = this.#conversation
    const told = events.length === 0 && this.#waiting_report === undefined && !this.#goes_on
    const settled = told && this.answers?.holds !== true
    return settled && owed.length === 0 && this.#state?.transaction.active !== true
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
    this.#state = state
    this.#defaults.begin(state, this.#identity.startup_parameters)
    // A client may wait for the error before it sends on: it is not kept for what comes behind.
    const patient = this.answers === undefined
    this.#interpreter = new Interpreter(this.#conversation, state, patient)
    this.#late = new LateRecords(this.#conversation, state, names)
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
      const ready = !this.#records.blocked && this.#waiting_report === undefined
      if (ready) this.#executions.longRunning(now_us, this.#interpreter, this.#names, this.#state)
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
    // What waits stays as it is; otherwise some of it will be taken.
    if (!this.#isLagging) this.#late?.reset()
    try {
      if (this.#failed) this.#finish()
      else this.#drainEvents()
      this.#late?.tell(this.#isLagging, this.#waiting_report)
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

  #drainEvents(): void {
    const interpreter = this.#interpreter
    if (this.#isLagging) return
    this.#learnDefaults()
    const begun_at_chars = this.#records.written_chars
    for (let reports = 0; interpreter !== undefined; reports++) {
      const chars = this.#records.written_chars - begun_at_chars
      if (reports >= limits.reports_per_turn || chars >= limits.record_chars_per_turn) {
        this.#goOnLater()
        return
      }
      const report = this.#waiting_report ?? interpreter.next() ?? this.answers?.ahead(interpreter)
      if (report === undefined) break
      const again = this.#waiting_report !== undefined
      this.#waiting_report = undefined
      if (!this.#report(report, again)) return
      if (this.#records.blocked) return
    }
    const ticket = interpreter?.waiting_for
    if (ticket !== undefined) {
      this.#waiting_for_facts = true
      ticket.when_ready(() => {
        this.#waiting_for_facts = false
        this.#resume()
      })
      return
    }
    if (interpreter !== undefined) this.answers?.settle(interpreter, this.#state)
    if (this.#closed) this.#finish()
  }

  /** The other sessions come first, and then what this one has left. */
  #goOnLater(): void {
    this.#goes_on = true
    this.#parts.turns.take(() => {
      this.#goes_on = false
      this.#resume()
    })
  }

  /** Records wait: the catalog may be read again before they are made. */
  get #isLagging(): boolean {
    if (this.#executions.waiting || this.#waiting_for_facts || this.#goes_on) return true
    return this.#records.blocked
  }

  #resume(): void {
    this.#drain()
    this.onRelease?.()
  }

  /** Records one report; false when its names must be waited for first. */
  #report(reported: SessionReport, again: boolean): boolean {
    if (reported.kind !== 'execution') {
      this.#login.report(reported)
      this.#interpreter?.settle(reported, true)
      return true
    }
    this.#names?.setMoment(reported.end_us)
    const report = withCalledFunction(reported, this.#names)
    const objects = this.#executions.objects(report, this.#names, again)
    if (objects === undefined) {
      this.#waiting_report = report
      return false
    }
    const recorded = this.#executions.finished(report, objects, this.#state)
    this.#interpreter?.settle(report, recorded)
    return true
  }

  #learnDefaults(): void {
    const { startup_parameters, part } = this.#identity
    const state = this.#state
    if (this.#defaults.known || this.#names === undefined || state === undefined) return
    const { context } = state
    if (!this.#defaults.learn(this.#names, state, part.user ?? '', startup_parameters)) return
    // The record that waits was made before they were known; nothing has been settled since.
    const waiting = this.#waiting_report
    if (waiting?.kind !== 'execution' || waiting.context !== context) return
    this.#waiting_report = { ...waiting, context: state.context }
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
