import type { ResolvedObject, SessionCatalog } from '../catalog/names.js'
import type { Execution } from '../session/execution.js'
import type { Interpreter } from '../session/interpreter.js'
import type { SessionState } from '../session/session-state.js'
import type { AuditorParts } from './auditor-parts.js'
import type { DefaultSettings } from './default-settings.js'
import { resolutionOf, withCalledFunction } from './function-calls.js'
import type { Login } from './login.js'
import { NameWaits } from './name-waits.js'
import type { RecordOutlet } from './record-outlet.js'
import type { SessionIdentity } from './session-identity.js'
import {
  classify,
  disagrees,
  messageOf,
  raisedByCalls,
  statementRecord,
  warnOfMismatch,
} from './statement-record.js'

const no_objects: readonly ResolvedObject[] = []

/** What the records of one session's executions are made with. */
export interface ExecutionParts {
  readonly parts: AuditorParts
  readonly identity: SessionIdentity
  readonly login: Login
  readonly records: RecordOutlet
  readonly defaults: DefaultSettings
}

/** The records of a session's executions: of each when it is over, of some when they begin. */
export class ExecutionRecords {
  readonly #session: ExecutionParts
  readonly #name_waits: NameWaits
  /** Counter of the statement that has left its start record last. */
  #begun = 0

  /** `resume` is called when the wait for a name is over. */
  constructor(session: ExecutionParts, resume: () => void) {
    this.#session = session
    this.#name_waits = new NameWaits(session.parts, resume)
  }

  /** True while the catalog is asked once more for a name. */
  get waiting(): boolean {
    return this.#name_waits.waiting
  }

  /**
   * Resolved objects of what is to be recorded; undefined when one refresh of the catalog is worth
   * waiting for. `again`: it has been waited for.
   */
  objects(
    report: Execution,
    names: SessionCatalog,
    again: boolean,
  ): readonly ResolvedObject[] | undefined {
    const resolution = resolutionOf(report, names)
    if (resolution === undefined) return no_objects
    // Until the catalog has been read for the first time, every name is a guess.
    const uncertain = resolution.missing || !this.#session.defaults.known
    if (!uncertain) return resolution.objects
    if (again) this.#name_waits.inVain(report, resolution)
    else if (this.#name_waits.begin(report, resolution)) return undefined
    return resolution.objects
  }

  /** Records how an execution ended; false when no rule wants that. */
  finished(report: Execution, objects: readonly ResolvedObject[], state: SessionState): boolean {
    const { parts, identity, login, records } = this.#session
    const classification = raisedByCalls(classify(report), objects)
    identity.setRole(report.context.current_user, state)
    if (disagrees(report, classification)) {
      warnOfMismatch(report, classification, identity.part.id, parts)
    }
    const record = statementRecord(
      report,
      classification,
      objects,
      identity.part,
      parts.rules,
      parts.config.audit,
    )
    parts.metrics.statement(classification.class, report.outcome)
    if (report.message !== '') login.hideMessage(report.message, messageOf(report))
    if (record !== undefined) records.write(record)
    return record !== undefined
  }

  /** Records what the server has been working on for `start_after`. */
  longRunning(
    now_us: number,
    interpreter: Interpreter,
    names: SessionCatalog,
    state: SessionState,
  ): void {
    const begun_before_us = now_us - this.#session.parts.config.audit.start_after_ms * 1000
    if (!interpreter.worksSince(begun_before_us)) return
    const running = interpreter.running()
    if (running === undefined || running.start_us > begun_before_us) return
    this.running(running, names, state, false)
  }

  /**
   * Records, once, that a statement runs, if a rule wants it. `answers`: what it has read is about
   * to be shown, so that rules on outcomes take it for a success.
   */
  running(reported: Execution, names: SessionCatalog, state: SessionState, answers: boolean): void {
    if (reported.id === this.#begun) return
    this.#begun = reported.id
    const { parts, identity, records } = this.#session
    const running = withCalledFunction(reported, names)
    identity.setRole(running.context.current_user, state)
    const objects = resolutionOf(running, names)?.objects ?? no_objects
    const record = statementRecord(
      running,
      raisedByCalls(classify(running), objects),
      objects,
      identity.part,
      parts.rules,
      parts.config.audit,
      answers ? 'answering' : 'start',
    )
    if (record !== undefined) records.write(record)
  }
}
