import type { SessionCatalog } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import type { Conversation } from '../session/conversation.js'
import type { Execution, SessionReport } from '../session/execution.js'
import { Interpreter } from '../session/interpreter.js'
import type { SessionState } from '../session/session-state.js'
import type { AnswerGate } from './answer-gate.js'
import { type ExecutionParts, ExecutionRecords } from './execution-records.js'
import { withCalledFunction } from './function-calls.js'
import { LateRecords } from './late-records.js'

/** What an admitted session is recorded with. */
export interface RecorderParts extends ExecutionParts {
  readonly conversation: Conversation
  readonly state: SessionState
  readonly names: SessionCatalog
  /** Where answers wait for their records. */
  readonly answers: AnswerGate | undefined
  /** Settings of the startup packet. */
  readonly startup: ReadonlyMap<string, string>
}

/**
 * Makes the records of an admitted session, in the order of the answers, as far as facts, names,
 * room in the trail and the turns of the other sessions allow.
 */
export class SessionRecorder {
  readonly #session: RecorderParts
  readonly #interpreter: Interpreter
  readonly #executions: ExecutionRecords
  readonly #late: LateRecords
  readonly #resume: () => void
  /** The report whose names are being looked up again, after one refresh. */
  #waiting_report: SessionReport | undefined
  #waiting_for_facts = false
  /** True while there is more to record than one turn of the loop may take. */
  goes_on = false

  /** `resume` is called when `drain` may come further than it did. */
  constructor(session: RecorderParts, resume: () => void) {
    this.#session = session
    this.#resume = resume
    const { conversation, state, names, answers } = session
    // A client may wait for the error before it sends on: it is not kept for what comes behind.
    this.#interpreter = new Interpreter(conversation, state, answers === undefined)
    this.#executions = new ExecutionRecords(session, resume)
    this.#late = new LateRecords(conversation, state, names)
  }

  /** True when nothing waits to be recorded, and no transaction is known to be open. */
  get idle(): boolean {
    const { conversation, state } = this.#session
    // An answer that is not accounted for yet may be that of a BEGIN.
    const told = conversation.events.length === 0 && this.#waiting_report === undefined
    return told && !this.goes_on && !state.transaction.active
  }

  /** Records wait: the catalog may be read again before they are made. */
  get #lags(): boolean {
    if (this.#executions.waiting || this.#waiting_for_facts || this.goes_on) return true
    return this.#session.records.blocked
  }

  /** Records what is over. True when nothing of it had to be left for later. */
  drain(): boolean {
    // What waits stays as it is; otherwise some of it will be taken.
    if (!this.#lags) this.#late.reset()
    const through = this.#drainEvents()
    this.#late.tell(this.#lags, this.#waiting_report)
    return through
  }

  /** Records a statement that has been running for `start_after`. */
  tick(now_us: number): void {
    const { records, names, state } = this.#session
    if (records.blocked || this.#waiting_report !== undefined) return
    this.#executions.longRunning(now_us, this.#interpreter, names, state)
  }

  /** Records that a statement runs of which rows are about to be shown. */
  cover(running: Execution): void {
    const { names, state } = this.#session
    this.#executions.running(running, names, state, true)
  }

  #drainEvents(): boolean {
    if (this.#lags) return false
    this.#learnDefaults()
    const { answers, records, state } = this.#session
    const interpreter = this.#interpreter
    const begun_at_chars = records.written_chars
    for (let reports = 0; ; reports++) {
      const chars = records.written_chars - begun_at_chars
      if (reports >= limits.reports_per_turn || chars >= limits.record_chars_per_turn) {
        this.#goOnLater()
        return false
      }
      const report = this.#waiting_report ?? interpreter.next() ?? answers?.ahead(interpreter)
      if (report === undefined) break
      const again = this.#waiting_report !== undefined
      this.#waiting_report = undefined
      if (!this.#report(report, again)) return false
      if (records.blocked) return false
    }
    const ticket = interpreter.waiting_for
    if (ticket !== undefined) {
      this.#waiting_for_facts = true
      ticket.when_ready(() => {
        this.#waiting_for_facts = false
        this.#resume()
      })
      return false
    }
    answers?.settle(interpreter, state)
    return true
  }

  /** The other sessions come first, and then what this one has left. */
  #goOnLater(): void {
    this.goes_on = true
    this.#session.parts.turns.take(() => {
      this.goes_on = false
      this.#resume()
    })
  }

  /** Records one report; false when its names must be waited for first. */
  #report(reported: SessionReport, again: boolean): boolean {
    const { login, names, state } = this.#session
    if (reported.kind !== 'execution') {
      login.report(reported)
      this.#interpreter.settle(reported, true)
      return true
    }
    names.setMoment(reported.end_us)
    const report = withCalledFunction(reported, names)
    const objects = this.#executions.objects(report, names, again)
    if (objects === undefined) {
      this.#waiting_report = report
      return false
    }
    const recorded = this.#executions.finished(report, objects, state)
    this.#interpreter.settle(report, recorded)
    return true
  }

  #learnDefaults(): void {
    const { defaults, identity, names, startup, state } = this.#session
    if (defaults.known) return
    const { context } = state
    if (!defaults.learn(names, state, identity.part.user ?? '', startup)) return
    // The record that waits was made before they were known; nothing has been settled since.
    const waiting = this.#waiting_report
    if (waiting?.kind !== 'execution' || waiting.context !== context) return
    this.#waiting_report = { ...waiting, context: state.context }
  }
}
