/** Transaction state as ReadyForQuery tells it. */
export type TransactionState = 'idle' | 'open' | 'failed'

/**
 * Which transaction a statement belongs to and how it ended. Implicit transactions count too: one
 * for each Query or each stretch up to a Sync that is outside a transaction block.
 */
export class TransactionTracker {
  /** Counter within the session, from 1. */
  #id = 0
  #state: TransactionState = 'idle'
  /** True while statements run outside a block: their transaction ends at ReadyForQuery. */
  #implicit = false
  #failed = false
  /** Statements of this transaction that succeeded and left a record. */
  #recorded_successes = 0

  get id(): number {
    return this.#id
  }

  get state(): TransactionState {
    return this.#state
  }

  get recorded_successes(): number {
    return this.#recorded_successes
  }

  /** True when a statement of the implicit transaction failed, so that all of it is undone. */
  get failed(): boolean {
    return this.#failed
  }

  /** True inside any transaction, implicit ones included. */
  get active(): boolean {
    return this.#implicit || this.#state !== 'idle'
  }

  /** A statement is about to be accounted: opens an implicit transaction outside a block. */
  statement(): void {
    if (this.active) return
    this.#open()
    this.#implicit = true
  }

  begin(): void {
    // BEGIN turns the implicit transaction that it runs in into a block.
    if (!this.active) this.#open()
    this.#implicit = false
    this.#state = 'open'
  }

  /** A statement failed: a block is `failed` from now, an implicit transaction will be undone. */
  fail(): void {
    this.#failed = true
    if (this.#state === 'open') this.#state = 'failed'
  }

  /** ROLLBACK TO brings a failed block back to life. */
  recover(): void {
    this.#failed = false
    if (this.#state === 'failed') this.#state = 'open'
  }

  recordedSuccess(): void {
    this.#recorded_successes++
  }

  /** What was recorded has been accounted for by a `transaction end`. */
  forgetRecorded(): void {
    this.#recorded_successes = 0
  }

  /** The transaction is over. */
  end(): void {
    this.#state = 'idle'
    this.#implicit = false
    this.#failed = false
    this.#recorded_successes = 0
  }

  /** The server's word at ReadyForQuery for a block; the caller ends implicit transactions. */
  agree(status: 'T' | 'E'): void {
    if (!this.active) this.#open()
    this.#implicit = false
    this.#state = status === 'T' ? 'open' : 'failed'
    this.#failed = status === 'E'
  }

  #open(): void {
    this.#id++
    this.#recorded_successes = 0
    this.#failed = false
  }
}
