import type { Execution, SessionReport } from './execution.js'
import { buildExecution, type Ending, endingWithout, type Subject } from './execution-builder.js'
import type { SessionState } from './session-state.js'

/** The reports that the events of a session gave and nobody has taken yet, oldest first. */
export class Reports {
  readonly #state: SessionState
  readonly #ready: SessionReport[] = []
  #statement_counter = 0

  constructor(state: SessionState) {
    this.#state = state
  }

  shift(): SessionReport | undefined {
    return this.#ready.shift()
  }

  /**
   * An execution in its place in the order. `uid` names the first execution of the same portal,
   * undefined for a new one; the counter that the execution was given is returned.
   */
  execution(subject: Subject, ending: Ending, uid?: number): number {
    this.#statement_counter++
    const id = this.#statement_counter
    this.#ready.push(buildExecution(this.#state, subject, ending, id, uid ?? id))
    return id
  }

  /** The same, for what ran (or failed) inside a transaction and so opens one where none is. */
  executionInTransaction(subject: Subject, ending: Ending, uid?: number): number {
    this.#state.transaction.statement()
    this.#state.open()
    return this.execution(subject, ending, uid)
  }

  /**
   * The execution that is still running, seen before its answer: `ahead` more executions of the
   * same request come before it. Nothing is counted by this.
   */
  preview(subject: Subject, ahead: number, uid?: number): Execution {
    const id = this.#statement_counter + 1 + ahead
    const ending = endingWithout('unknown', subject.start_us)
    const execution = buildExecution(this.#state, subject, ending, id, uid ?? id)
    const { transaction } = this.#state
    // Outside a transaction the statement will have opened one by the time it is answered.
    return transaction.active ? execution : { ...execution, transaction_id: transaction.id + 1 }
  }

  get empty(): boolean {
    return this.#ready.length === 0
  }

  disagreement(message: string, time_us: number): void {
    this.#ready.push({ kind: 'disagreement', message, time_us })
  }

  /** The transaction is over otherwise than by its own COMMIT or ROLLBACK. */
  transactionEnd(
    fate: 'rolled back' | 'unknown',
    reason: string,
    at: { readonly end_us: number; readonly sqlstate: string; readonly message: string },
  ): void {
    const { transaction } = this.#state
    if (transaction.recorded_successes === 0) return
    this.#ready.push({
      kind: 'transaction_end',
      fate,
      reason,
      sqlstate: at.sqlstate,
      message: at.message,
      transaction_id: transaction.id,
      transaction_state: transaction.state,
      recorded: transaction.recorded_successes,
      time_us: at.end_us,
    })
    // Told once, even when both the error and the ReadyForQuery would tell it.
    transaction.forgetRecorded()
  }
}
