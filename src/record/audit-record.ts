import type { ResolvedObject } from '../catalog/names.js'
import type { AuditClass, Outcome } from '../rules/decision.js'

/** Transaction state before the statement. */
export type TransactionState = 'idle' | 'open' | 'failed'

/** Who and where: the part of a record that is the same for all statements of a session. */
export interface SessionPart {
  /** Counter within the epoch, from 1. */
  readonly id: number
  /** Process id of the server's backend; absent before BackendKeyData. */
  readonly pid?: number
  readonly user?: string
  /** The role of SET ROLE, when it differs from the user. */
  readonly role?: string
  readonly database?: string
  readonly application?: string
  /** Address of the client, `[local]` for a Unix socket. */
  readonly client_ip: string
  readonly client_port?: number
  /** Protocol version such as `TLSv1.3`; absent on plaintext. */
  readonly tls?: string
  /** Authentication method that the server asked for: `scram-sha-256`, `md5`, `trust`, … */
  readonly auth?: string
  /** `host:port` or socket path of the server. */
  readonly server?: string
  readonly user_info?: string
}

/** What was sent. */
export interface StatementPart {
  /** The same for all continuations of a suspended portal: `<session>.<statement>`. */
  readonly uid: string
  /** Counter within the session, from 1. */
  readonly id: number
  readonly protocol: 'simple' | 'extended' | 'function' | 'replication'
  /** Name of the prepared statement or portal where it has one. */
  readonly name?: string
  /** Text of the PREPARE that an EXECUTE runs. */
  readonly prepared?: string
  /** Length in bytes and SHA-256 (hex) of the whole text, when `text` was cut. */
  readonly length?: number
  readonly sha256?: string
  readonly text: string
}

/** How parse and server disagreed; absent when they agree. */
export type Analysis = 'tag' | 'mismatch' | 'unparsed' | 'ambiguous'

/**
 * One audit record without what the trail adds (`v`, `trail`, `epoch`, `seq`).
 * The key order of the JSON format is fixed by the formatter, not by this interface.
 */
export interface AuditRecord {
  /** Arrival of the request, microseconds since 1970 (UTC). */
  readonly time_us: number
  readonly class: AuditClass
  readonly command: string
  readonly phase?: 'start'
  readonly outcome?: Outcome
  readonly sqlstate?: string
  readonly message?: string
  readonly rows?: number
  readonly bytes_in?: number
  readonly bytes_out?: number
  readonly duration_us?: number
  readonly rules?: readonly string[]
  /**
   * The decision's `session`: false when object auditing alone asked for this record, so that the
   * CSV format writes no SESSION line. Not part of the JSON format.
   */
  readonly session_audited?: boolean
  readonly session?: SessionPart
  readonly transaction?: { readonly id: number; readonly state: TransactionState }
  readonly objects?: readonly ResolvedObject[]
  readonly grants?: readonly { readonly privilege: string; readonly grantee: string }[]
  readonly analysis?: Analysis
  readonly statement?: StatementPart
  /** Absent: the statement had none, or (with `parameters_cut`) they are not recorded. */
  readonly parameters?: readonly (string | null)[]
  /** True when parameters were sent that are not, or not whole, in `parameters`. */
  readonly parameters_cut?: boolean
  readonly detail?: Readonly<Record<string, unknown>>
}
