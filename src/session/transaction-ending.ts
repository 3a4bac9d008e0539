import type { Execution } from './execution.js'
import { nothing_said, type Said } from './last-word.js'
import type { Reports } from './reports.js'
import type { ClosedReport, QueryRequest } from './requests.js'
import type { SessionState } from './session-state.js'

const inside_reason = 'error behind a statement that may have committed by itself'

/**
 * How transactions end, and what is told of those that did not end by their own COMMIT or ROLLBACK:
 * undone by an error, by a COMMIT that was refused, or cut off with the connection.
 */
export class TransactionEnding {
  readonly #state: SessionState
  readonly #reports: Reports
  /** The failure that undid the transaction: the first one, what follows in it fails by that. */
  #cause: Said = nothing_said
  /** True when a request was lost that may have ended the open transaction, one way or the other. */
  #end_in_doubt = false

  /** The transaction of which a part may have been committed by a statement in it. */
  #committed_inside = 0

  constructor(state: SessionState, reports: Reports) {
    this.#state = state
    this.#reports = reports
  }

  /** A statement failed, and with it its transaction. */
  failed(cause: Said): void {
    if (!this.#state.transaction.failed) this.#cause = cause
    this.#state.transaction.fail()
  }

  /** A transaction that has failed already cannot be committed by what was lost. */
  doubt(): void {
    if (!this.#state.transaction.failed) this.#end_in_doubt = true
  }

  /** A statement succeeded that may have committed what was done up to it: no error undoes that. */
  committedInside(): void {
    this.#committed_inside = this.#state.transaction.id
  }

  /**
   * An error came behind the last answer of a Query, which has committed by then; but not where it
   * stands in a pipeline, which is a block of its own in PostgreSQL 18 and was none before.
   */
  behindQuery({ unsynced }: Pick<QueryRequest, 'unsynced'>): void {
    if (unsynced) this.committedInside()
    else this.#state.commit()
  }

  /** As `doubt`, for what can end no transaction block: a Sync, a FunctionCall, the end of a Query. */
  doubtImplicit(): void {
    if (this.#state.transaction.state === 'idle') this.doubt()
  }

  /** ReadyForQuery: the server's word on the transaction. */
  status(status: 'I' | 'T' | 'E', at: { readonly end_us: number }): void {
    const { transaction } = this.#state
    const cause = this.#cause
    if (status === 'I') this.#cause = nothing_said
    const in_doubt = this.#end_in_doubt
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
      const inside = this.#committed_inside === transaction.id
      const fate = inside ? 'unknown' : 'rolled back'
      this.#reports.transactionEnd(fate, inside ? inside_reason : 'error in the same transaction', {
        end_us: at.end_us,
        sqlstate: cause.sqlstate,
        message: cause.message,
      })
      this.#state.rollback()
      return
    }
    // A block that ended without our seeing its COMMIT or ROLLBACK (a text that could not be
    // parsed), or that the server itself is not sure of: its fate is not known; what it may have
    // changed is taken as changed.
    if (in_doubt || transaction.state !== 'idle') {
      const reason = in_doubt
        ? 'ended by an error that leaves it open'
        : 'ended by a statement that was not understood'
      this.#reports.transactionEnd('unknown', reason, { ...nothing_said, end_us: at.end_us })
    }
    this.#state.commit()
  }

  /** The server answered a COMMIT with ROLLBACK: the transaction had failed before. */
  refusedCommit(report: Execution): void {
    const { sqlstate, message } = this.#cause
    const at = { end_us: report.end_us, sqlstate, message }
    this.#cause = nothing_said
    this.#reports.transactionEnd('rolled back', 'COMMIT answered ROLLBACK', at)
    this.#state.rollback()
  }

  /** The connection is over: whatever nobody had asked to commit is undone. */
  closed(event: ClosedReport): void {
    if (!this.#state.transaction.active) return
    const { id, failed } = this.#state.transaction
    const in_doubt = this.#end_in_doubt || this.#committed_inside === id
    const fate = in_doubt ? 'unknown' : 'rolled back'
    const cause = failed ? this.#cause : event
    const { sqlstate, message } = cause
    const at = { end_us: event.end_us, sqlstate, message }
    this.#reports.transactionEnd(fate, 'connection ended', at)
  }
}
