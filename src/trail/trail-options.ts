import type { KeyObject } from 'node:crypto'

/** The part of the configuration that the trail needs; the names and units are the configuration's. */
export interface TrailOptions {
  readonly directory: string
  readonly directory_mode: number
  readonly file_mode: number
  readonly format: 'json' | 'csv'
  /** `age_ms` of whole days rotates at midnight of `time_zone`; 0 is never. */
  readonly rotate: { readonly age_ms: number; readonly size_bytes: number }
  readonly retain: RetainOptions
  readonly flush: {
    readonly interval_ms: number
    readonly sync_ms: number
    readonly size_bytes: number
  }
  /** `ack`: what was appended is written and fsynced at once, together with all that waits. */
  readonly durability: 'async' | 'ack'
  readonly queue_bytes: number
  readonly stuck_timeout_ms: number
  /** What happens when neither a file nor the server log takes records. */
  readonly on_failure: 'refuse' | 'shutdown' | 'continue'
  readonly seal: SealOptions
  /** IANA zone name. */
  readonly time_zone: string
  /** Name of this proxy, in each record. */
  readonly instance: string
  /** Where records go that the file does not take: a descriptor of this process, or a path. */
  readonly server_log: ServerLogTarget
  /** Put into `audit.start`: the effective configuration without its secrets, the version, … */
  readonly start_detail: Readonly<Record<string, unknown>>
}

export interface SealOptions {
  /** Ed25519; without it the chain of seals has no signatures. */
  readonly key?: KeyObject
  /** A second file to which each seal is appended. */
  readonly copy?: string
  readonly every_ms: number
  readonly records: number
}

export interface RetainOptions {
  readonly age_ms?: number
  readonly files?: number
  readonly size_bytes?: number
}

export type ServerLogTarget = { readonly fd: number } | { readonly path: string }

/** The trail's id and the number of this start. */
export interface TrailIdentity {
  readonly trail: string
  readonly epoch: number
}

/** The log as the trail needs it; pino's loggers fit. */
export interface TrailLog {
  info(object: object, message: string): void
  warn(object: object, message: string): void
  error(object: object, message: string): void
}
