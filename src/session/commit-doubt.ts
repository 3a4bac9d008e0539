import type { StatementFacts } from '../sql/facts.js'
import type { Execution } from './execution.js'
import type { TransactionState } from './transaction-tracker.js'

/**
 * When the end of the session, or an error that says so, leaves in doubt whether the work was
 * committed. PostgreSQL itself gives no FATAL error between its commit and the completion: told to
 * end while it waits for a standby, it warns and closes the connection. But others may have
 * committed before it (foreign servers, in its pre-commit hooks), a PANIC may follow the commit
 * record, and poolers speak FATAL in place of a server that they lost.
 * Source: RecordTransactionCommit in xact.c, SyncRepWaitForLSN in syncrep.c.
 */

/** SQLSTATEs by which a server says itself that it does not know. */
const unresolved: ReadonlySet<string> = new Set([
  // transaction_resolution_unknown
  '08007',
  // statement_completion_unknown
  '40003',
])

/** Statements that may commit (part of) their work by themselves, also by the extended protocol. */
const commits_itself: ReadonlySet<string> = new Set([
  'AlterDatabaseStmt',
  'AlterSubscriptionStmt',
  'AlterSystemStmt',
  'CallStmt',
  'ClusterStmt',
  'CreateSubscriptionStmt',
  'CreateTableSpaceStmt',
  'CreatedbStmt',
  'DoStmt',
  'DropSubscriptionStmt',
  'DropTableSpaceStmt',
  'DropdbStmt',
  'IndexStmt',
  'ReindexStmt',
  'VacuumStmt',
])

/** Statements whose effect does not outlive the session that has ended. */
const of_the_session: ReadonlySet<string> = new Set([
  'DeallocateStmt',
  'DeclareCursorStmt',
  'DiscardStmt',
  'ListenStmt',
  'PrepareStmt',
  'TransactionStmt',
  'UnlistenStmt',
  'VariableSetStmt',
  'VariableShowStmt',
])

/** Classes of what changes nothing: there is nothing to commit. */
const read_only: ReadonlySet<StatementFacts['class']> = new Set(['READ', 'BACKUP'])

/** True for an error that may have come after a commit. */
export function leavesDoubt(sqlstate: string, fatal: boolean): boolean {
  return fatal || unresolved.has(sqlstate)
}

/** What may have been committed by a statement, or by the end of its batch, that did not end well. */
export interface DoubtfulWork {
  readonly step: Execution['step']
  /** What was run: for EXECUTE the statement behind the name. */
  readonly statement: StatementFacts | undefined
  /** True when it may have been another statement. */
  readonly doubted: boolean
  readonly transaction_state: TransactionState
  /** True when the statement's end is that of its implicit transaction: the last one of a Query. */
  readonly ends_query: boolean
}

/** True when the work may have been committed, although it was answered by {@link leavesDoubt}. */
export function mayHaveCommitted(work: DoubtfulWork): boolean {
  const { step, statement } = work
  const idle = work.transaction_state === 'idle'
  if (step === 'Sync' || step === 'FunctionCall') return idle
  if (step !== undefined) return false
  if (statement === undefined || statement.node === '') return true
  if (isCommit(statement)) return work.transaction_state !== 'failed'
  if (!idle) return false
  if (endsPrepared(statement) || commits_itself.has(statement.node)) return true
  if (!work.ends_query) return false
  return work.doubted || (!read_only.has(statement.class) && !of_the_session.has(statement.node))
}

/**
 * True when a statement may have committed by itself, and what the same batch held before it too:
 * such a one is its own transaction, or has COMMIT inside, unless it stands in a block. Several
 * statements of one Query are a block; the messages of a pipeline need not be.
 * Source: PreventInTransactionBlock in xact.c and finish_xact_command in postgres.c.
 */
export function mayHaveCommittedInside(report: Execution): boolean {
  if (report.protocol !== 'extended' || report.transaction_state !== 'idle') return false
  const { statement } = report
  if (statement === undefined || statement.node === '' || report.doubted) return true
  if (statement.node === 'IndexStmt') return /\bconcurrently\b/i.test(statement.text)
  return commits_itself.has(statement.node)
}

/** True for COMMIT (and PREPARE TRANSACTION), which the server answers ROLLBACK when it failed. */
export function isCommit(statement: StatementFacts | undefined): boolean {
  if (statement === undefined) return false
  return statement.effects.some(
    (effect) =>
      effect.kind === 'transaction' &&
      (effect.operation === 'commit' || effect.operation === 'prepare_transaction'),
  )
}

/** True for COMMIT PREPARED and ROLLBACK PREPARED. */
function endsPrepared(statement: StatementFacts): boolean {
  return statement.effects.some(
    (effect) =>
      effect.kind === 'transaction' &&
      (effect.operation === 'commit_prepared' || effect.operation === 'rollback_prepared'),
  )
}
