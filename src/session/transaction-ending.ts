import type { Execution } from './execution.js'
import type { Reports } from './reports.js'
import type { ClosedReport, ReadyReport, SyncRequest } from './requests.js'
import type { SessionState } from './session-state.js'

/** The error that undid a transaction. */
type Cause = Pick<Execution, 'sqlstate' | 'message'>

const no_cause: Cause = { sqlstate: '', message: '' }

/**
 * How transactions end, and what is told of those that did not end by their own COMMIT or ROLLBACK:
 * undone by an error, by a COMMIT that was refused, or cut off with the connection.
 */
export class TransactionEnding {
  readonly #state: SessionState
  readonly #reports: Reports
  /** The latest failure: it undoes its transaction. */
  #cause: Cause = no_cause
  /** True when a request was lost that may have ended the open transaction, one way or the other. */
  #end_in_doubt = false

  constructor(state: SessionState, reports: Reports) {
    this.#state = state
    this.#reports = reports
  }

  /** A statement failed, and with it its transaction. */
  failed(cause: Cause): void {
    this.#cause = cause
    this.#state.transaction.fail()
  }

  /** A transaction that has failed already cannot be committed by what was lost. */
  doubt(): void {
    if (!this.#state.transaction.failed) this.#end_in_doubt = true
  }

  /** ReadyForQuery: the server's word on the transaction. */
  status(status: 'I' | 'T' | 'E', event: SyncRequest | ReadyReport): void {
    const { transaction } = this.#state
    const cause = event.sqlstate === '' ? this.#cause : event
    if (status === 'I') this.#cause = no_cause
    this.#end_in_doubt = false
    if (status !== 'I') {
      transaction.agree(status)
      return
    }
    if (!transaction.active) {
      // A Bind opens a transaction too, which is over now.
      this.#state.dropPortals()
      return
    }
    if (transaction.failed) {
      this.#reports.transactionEnd('rolled back', 'error in the same transaction', {
        end_us: event.end_us,
        sqlstate: cause.sqlstate,
        message: cause.message,
      })
      this.#state.rollback()
      return
    }
    // A block that ended without our seeing its COMMIT or ROLLBACK (a text that could not be
    // parsed): its fate is not known; what it may have changed is taken as changed.
    if (transaction.state !== 'idle') {
      this.#reports.transactionEnd('unknown', 'ended by a statement that was not understood', event)
    }
    this.#state.commit()
  }

  /** The server answered a COMMIT with ROLLBACK: the transaction had failed before. */
  refusedCommit(report: Execution): void {
    const { sqlstate, message } = this.#cause
    const at = { end_us: report.end_us, sqlstate, message }
    this.#cause = no_cause
    this.#reports.transactionEnd('rolled back', 'COMMIT answered ROLLBACK', at)
    this.#state.rollback()
  }

  /** The connection is over: whatever nobody had asked to commit is undone. */
  closed(event: ClosedReport): void {
    if (!this.#state.transaction.active) return
    const fate = this.#end_in_doubt ? 'unknown' : 'rolled back'
    this.#reports.transactionEnd(fate, 'connection ended', event)
  }
}
