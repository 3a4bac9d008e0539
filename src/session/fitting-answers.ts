import { type ErrorFields, endsSession } from '../wire/backend-messages.js'
import type { Request } from './requests.js'

/** What each answer of the server can belong to. Source: documentation, "Message Flow". */
export const fitting_answers = {
  ParseComplete: ['parse'],
  BindComplete: ['bind'],
  CloseComplete: ['close'],
  ParameterDescription: ['describe'],
  NoData: ['describe'],
  RowDescription: ['describe', 'query'],
  DataRow: ['query', 'execute'],
  CommandComplete: ['query', 'execute'],
  EmptyQueryResponse: ['query', 'execute'],
  PortalSuspended: ['execute'],
  CopyInResponse: ['query', 'execute'],
  CopyOutResponse: ['query', 'execute'],
  CopyBothResponse: ['query'],
  FunctionCallResponse: ['function_call'],
} as const satisfies Record<string, readonly Request['kind'][]>

/** The answers that belong to one request of certain kinds. */
export type FittingAnswer = keyof typeof fitting_answers

/** What an ErrorResponse can answer; a Sync's own error comes only where none is missing. */
const fails_by_error: readonly Request['kind'][] = [
  'query',
  'parse',
  'bind',
  'describe',
  'execute',
  'close',
  'function_call',
]

/** Errors of names that are not there, or are already, tell what they answer. */
const fails_by_name: Readonly<Record<string, readonly Request['kind'][]>> = {
  // invalid_sql_statement_name: EXECUTE and DEALLOCATE have it as well.
  '26000': ['query', 'bind', 'describe', 'execute'],
  // invalid_cursor_name
  '34000': ['query', 'describe', 'execute'],
  // duplicate_prepared_statement
  '42P05': ['query', 'parse', 'execute'],
  // duplicate_cursor
  '42P03': ['query', 'bind', 'execute'],
}

/** The kinds of requests that an error can answer. */
export function failsBy({ sqlstate }: ErrorFields): readonly Request['kind'][] {
  return fails_by_name[sqlstate] ?? fails_by_error
}

/** True when such an answer can belong to this request. */
export function fits(answer: FittingAnswer, request: Request): boolean {
  const kinds: readonly Request['kind'][] = fitting_answers[answer]
  return kinds.includes(request.kind)
}

/**
 * Errors that may come between two messages. A server that logs a duration does so after the
 * completion was sent, and listens to cancels and timeouts then.
 * Source: ProcessInterrupts in src/backend/tcop/postgres.c, check_log_duration.
 */
const between_messages: ReadonlySet<string> = new Set([
  // query_canceled, lock_not_available (lock_timeout), serialization_failure (a standby's conflict)
  '57014',
  '55P03',
  '40001',
])

/** True for an error that comes of the moment, and not of what was asked. */
export function mayInterrupt(error: ErrorFields): boolean {
  return endsSession(error) || between_messages.has(error.sqlstate)
}

/**
 * True for an error that may have been raised before the server read the Query or FunctionCall
 * that it is charged to. Then it skips this up to the Sync, for which the one ReadyForQuery comes.
 */
export function mayBeEarlier(error: ErrorFields, head: Request): boolean {
  if (!head.unsynced || endsSession(error) || !between_messages.has(error.sqlstate)) return false
  if (head.kind === 'query') return head.completions.length === 0
  return head.kind === 'function_call' && head.fate === 'pending'
}

/** The answer that each kind of completion comes as. */
export const completion_answers = {
  complete: 'CommandComplete',
  empty: 'EmptyQueryResponse',
  suspended: 'PortalSuspended',
} as const satisfies Record<string, FittingAnswer>
