import type { Effect, StatementFacts, TextFacts } from '../sql/facts.js'
import type { BoundValues } from './requests.js'
import type { TransactionState } from './transaction-tracker.js'

/** What names mean in a session at one moment. Never changed: a new object for every change. */
export interface SessionContext {
  readonly database: string
  readonly session_user: string
  readonly current_user: string
  /** Items of search_path as set; undefined when it is not known. */
  readonly search_path: readonly string[] | undefined
  readonly search_path_doubted: boolean
  readonly version: number
}

/** What the catalog keeps of the names of a prepared statement or portal. */
export type NamePlan = object

/** How one execution ended. */
export type ExecutionOutcome =
  | 'success'
  | 'failure'
  | 'suspended'
  | 'cancelled'
  | 'skipped'
  | 'prepared'
  | 'unknown'

/** One execution of one statement, and what came of it: the stuff of one audit record. */
export interface Execution {
  readonly kind: 'execution'
  readonly protocol: 'simple' | 'extended' | 'function' | 'replication'
  /** Counter within the session, from 1. */
  readonly id: number
  /** The counter of the first execution of the same portal. */
  readonly uid: number
  /** Name of the prepared statement, portal or cursor where it has one. */
  readonly name: string | undefined
  /** Which message failed when it was not an execution. */
  readonly step: 'Parse' | 'Bind' | 'Describe' | 'Close' | 'Sync' | 'FunctionCall' | undefined
  readonly status: TextFacts['status']
  /** What was run: for EXECUTE and FETCH the statement behind the name. */
  readonly statement: StatementFacts | undefined
  /** Text of the PREPARE behind an EXECUTE. */
  readonly prepared_text: string | undefined
  /** The text of this statement alone, redacted. */
  readonly text: string
  /** How many records of the same Query show this same text, being that of the whole, before it. */
  readonly repetition: number
  /** Length and SHA-256 of a text that was too long to keep. */
  readonly length: number | undefined
  readonly sha256: string | undefined
  readonly ambiguous: boolean
  /** True when its name may stand for another statement, made by code that nobody saw. */
  readonly doubted: boolean
  readonly bound: BoundValues | undefined
  readonly parameter_types: readonly number[]
  /** Values of an EXECUTE's arguments that are literals. */
  readonly literal_parameters: readonly (string | null)[] | undefined
  readonly function_oid: number | undefined
  readonly outcome: ExecutionOutcome
  /** The server's command tag, `''` when there was none. */
  readonly tag: string
  readonly sqlstate: string
  readonly message: string
  readonly data_rows: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly copied_out: boolean
  readonly start_us: number
  readonly end_us: number
  readonly transaction_id: number
  readonly transaction_state: TransactionState
  readonly context: SessionContext
  /** Of the prepared statement or portal that was run. */
  readonly plan: NamePlan | undefined
  /** Applied by `settle` when the outcome allows it. */
  readonly effects: readonly Effect[]
}

/** A transaction that held recorded successes and did not end by a successful COMMIT or ROLLBACK. */
export interface TransactionEnd {
  readonly kind: 'transaction_end'
  readonly fate: 'rolled back' | 'unknown'
  readonly reason: string
  readonly sqlstate: string
  readonly message: string
  readonly transaction_id: number
  readonly transaction_state: TransactionState
  readonly recorded: number
  readonly time_us: number
}

/** The two sides of the conversation did not fit together. */
export interface DisagreementReport {
  readonly kind: 'disagreement'
  readonly message: string
  readonly time_us: number
}

/** What the interpreter gives, in order. */
export type SessionReport = Execution | TransactionEnd | DisagreementReport

/**
 * The session's own view of the catalog, as far as the interpreter drives it; the auditor wires
 * it to the catalog room.
 */
export interface NamesPort {
  /** What a statement or portal that is made now keeps of its names; `of` is its statement's. */
  plan(
    made: 'statement' | 'portal',
    statement: StatementFacts,
    context: SessionContext,
    of?: NamePlan,
  ): NamePlan | undefined
  apply(change: Extract<Effect, { kind: 'catalog' }>['change'], context: SessionContext): void
  savepoint(name: string): void
  release(name: string): void
  rollback_to(name: string): void
  commit(): void
  rollback(): void
  prepare_transaction(identifier: string): void
  commit_prepared(identifier: string): void
  rollback_prepared(identifier: string): void
  discard_temporary(): void
  doubt_temporary(): void
}
