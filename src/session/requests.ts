import type { FactsTicket } from '../sql/facts.js'
import type { ErrorFields } from '../wire/backend-messages.js'
import type { LexingMode } from './text-decoding.js'

/**
 * What was asked, from its arrival to its answer. A request object is filled in as the answers
 * come and is handed on, in order, as the event "this was asked and that came of it".
 */

/** A text as it was sent: decoded, or only measured when it was too long to keep. */
export interface SentText {
  /** The decoded text; empty when it was too long to be kept. */
  readonly text: string
  /** Length in bytes as sent. */
  readonly length: number
  /** SHA-256 in hex, for a text that was too long to be kept. */
  readonly sha256?: string
  /** How the server was known to read texts when this one arrived. */
  readonly mode: LexingMode
  /** True when the bytes could mean two things (encoding, escape mode); known for good once answered. */
  ambiguous: boolean
  readonly ticket: FactsTicket
  /** As sent, where the text does not tell its bytes: the beginning of it, as far as is redacted here. */
  readonly bytes?: Buffer
  /** The command, where the text is one for replication and not SQL: it is one statement. */
  readonly replication?: string
}

/** One completion of a statement: what the server answered. */
export interface Completion {
  readonly kind: 'complete' | 'empty' | 'suspended' | 'error'
  /** The command tag, for `complete`. */
  readonly tag: string
  readonly sqlstate: string
  readonly message: string
  /** DataRows that crossed for it. */
  readonly data_rows: number
  /** Bytes of DataRow and CopyData bodies sent to the client. */
  readonly bytes_out: number
  /** Bytes of CopyData bodies received from the client; -1 when there was no COPY IN. */
  readonly bytes_in: number
  readonly copied_out: boolean
  /** True when the client ended its copy stream by CopyFail. */
  readonly copy_failed: boolean
  /** True for an error that ended the session: FATAL or PANIC. */
  readonly fatal: boolean
  readonly end_us: number
}

/** How a request ended. */
export type RequestFate =
  /** Not answered yet. */
  | 'pending'
  | 'answered'
  | 'failed'
  /** The server threw it away after an error in the same pipeline. */
  | 'skipped'
  /** The connection ended before the answer, or by an answer that ended the session (`sqlstate`). */
  | 'lost'

/** How a request that is over ended. */
export type EndedFate = Exclude<RequestFate, 'pending'>

/** What is the same for all requests. */
interface RequestBase {
  /** Arrival of its first byte, microseconds since 1970. */
  readonly time_us: number
  /** What it holds in memory, in bytes, for the bound on outstanding requests. */
  readonly weight: number
  /** Counter of the client's requests within the session, from 1; set when it is asked. */
  place: number
  /** True when an extended-protocol message without a Sync came just before; set with `place`. */
  unsynced: boolean
  /** How its names were read, where they are not ASCII alone. */
  readonly names_read_as?: LexingMode
  fate: RequestFate
  end_us: number
  sqlstate: string
  message: string
}

/** A request that has just arrived, without what it asks for. */
export type PendingRequest = RequestBase

export interface QueryRequest extends RequestBase {
  readonly kind: 'query'
  readonly text: SentText
  readonly completions: Completion[]
  /** Rows and bytes since the last completion, for a statement that was cut off. */
  unfinished_rows: number
  unfinished_bytes_out: number
  /** Bytes of CopyData received since, -1 outside of COPY IN. */
  unfinished_bytes_in: number
}

export interface ParseRequest extends RequestBase {
  readonly kind: 'parse'
  readonly name: string
  readonly text: SentText
  readonly parameter_types: readonly number[]
}

/** The values of a Bind, copied out of the chunk. */
export interface BoundValues {
  readonly formats: readonly number[]
  readonly values: readonly (Buffer | null)[]
  /** True when values were cut or left out for their size. */
  readonly cut: boolean
}

export interface BindRequest extends RequestBase {
  readonly kind: 'bind'
  readonly portal: string
  readonly statement: string
  readonly bound: BoundValues
}

export interface DescribeRequest extends RequestBase {
  readonly kind: 'describe'
  readonly target: 'statement' | 'portal'
  readonly name: string
  parameter_types: readonly number[] | undefined
}

export interface ExecuteRequest extends RequestBase {
  readonly kind: 'execute'
  readonly portal: string
  readonly max_rows: number
  completion: Completion | undefined
  unfinished_rows: number
  unfinished_bytes_out: number
  unfinished_bytes_in: number
}

export interface CloseRequest extends RequestBase {
  readonly kind: 'close'
  readonly target: 'statement' | 'portal'
  readonly name: string
}

export interface SyncRequest extends RequestBase {
  readonly kind: 'sync'
  /** Transaction status of the ReadyForQuery that answered it. */
  status: 'I' | 'T' | 'E' | undefined
}

export interface FunctionCallRequest extends RequestBase {
  readonly kind: 'function_call'
  readonly oid: number
  readonly bound: BoundValues
  /** Bytes of the body of its answer. */
  bytes_out: number
}

/** Not asked by the client: the server reported a setting. It keeps its place in the order. */
export interface ParameterReport extends RequestBase {
  readonly kind: 'parameter_status'
  readonly name: string
  readonly value: string
}

/** ReadyForQuery after a Query or FunctionCall: the transaction status counts from here. */
export interface ReadyReport extends RequestBase {
  readonly kind: 'ready'
  readonly status: 'I' | 'T' | 'E'
}

/** What the two sides said did not fit together; the record says so. */
export interface Disagreement extends RequestBase {
  readonly kind: 'disagreement'
  /** The error that belongs to no request, where it is one. */
  readonly error: ErrorFields | undefined
}

/** The connection is over; nothing follows. `sqlstate` is the server's last word, if it gave one. */
export interface ClosedReport extends RequestBase {
  readonly kind: 'closed'
}

/** What a client can ask for. */
export type Request =
  | QueryRequest
  | ParseRequest
  | BindRequest
  | DescribeRequest
  | ExecuteRequest
  | CloseRequest
  | SyncRequest
  | FunctionCallRequest

/** What reaches the auditor, in the order of the server's answers. */
export type SessionEvent = Request | ParameterReport | ReadyReport | Disagreement | ClosedReport

/** Whether the server sends the answer at once, or may keep it until a Flush or Sync. */
export const answers_at_once = {
  query: true,
  parse: false,
  bind: false,
  describe: false,
  execute: false,
  close: false,
  sync: true,
  function_call: true,
} as const satisfies Record<Request['kind'], boolean>

/** What all events share that the client did not ask for. */
export function unasked(now_us: number) {
  return {
    time_us: now_us,
    weight: 0,
    place: 0,
    unsynced: false,
    fate: 'answered' as const,
    end_us: now_us,
    sqlstate: '',
    message: '',
  }
}

/**
 * An error that was raised behind the completion of an extended-protocol message, with nothing owed
 * as the Sync was not yet sent: the batch failed at its end, as by a Sync of its own. The server
 * skips what comes up to the real one.
 */
export function failedBehind(error: ErrorFields, now_us: number): SyncRequest {
  const { sqlstate, message } = error
  return { kind: 'sync', status: undefined, ...unasked(now_us), fate: 'failed', sqlstate, message }
}

/** True for a request of which the server has not said anything. */
export function unbegun(request: Request): boolean {
  if (request.kind === 'function_call') return request.fate === 'pending'
  return request.kind !== 'query' || (request.completions.length === 0 && request.sqlstate === '')
}
