/**
 * The effective configuration: what the zod schema gives after defaults, with every duration in
 * milliseconds, every size in bytes, every mode as a number, frozen. The option names of the YAML
 * file are these keys; units are dropped from the file's values, not from these names.
 */
export type RuleValue = readonly string[]

/** One rule, or one entry of an `except` list: absent keys are not asked about. */
export interface RuleCondition {
  readonly class?: RuleValue
  readonly command?: RuleValue
  readonly user?: RuleValue
  readonly database?: RuleValue
  readonly application?: RuleValue
  readonly client?: RuleValue
  readonly object?: RuleValue
  readonly object_type?: RuleValue
  /** Daily windows `22:00-06:00` in the trail's time zone. */
  readonly time?: RuleValue
  readonly outcome?: RuleValue
  readonly sqlstate?: RuleValue
}

export interface RuleConfig extends RuleCondition {
  readonly name: string
  /** A statement that matches any of these is not matched by the rule. */
  readonly except?: readonly RuleCondition[]
}

export interface ListenTlsConfig {
  readonly mode: 'disable' | 'allow' | 'require'
  readonly cert?: string
  readonly key?: string
  readonly client_ca?: string
}

/** libpq's sslmode names. */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export interface UpstreamTlsConfig {
  readonly mode: SslMode
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface Config {
  readonly instance: string
  readonly listen: {
    /** Address, or a directory for a Unix socket (`.s.PGSQL.<port>` in it). */
    readonly host: string
    readonly port: number
    /** Who may connect to a Unix socket, as its file's mode. */
    readonly socket_mode: number
    readonly tls: ListenTlsConfig
    /** CIDRs that may connect; Unix sockets always may. */
    readonly allow: readonly string[]
    /** CIDRs of load balancers, whose connections begin with a PROXY header. */
    readonly proxy_protocol?: readonly string[]
  }
  readonly upstream: {
    readonly host: string
    readonly port: number
    readonly tls: UpstreamTlsConfig
    readonly accept_trust: boolean
  }
  /** Absent: no side connection. */
  readonly catalog?: {
    readonly user: string
    readonly password_file?: string
    /** From PGPASSWORD or the password file; never printed. */
    readonly password?: string
    readonly refresh_ms: number
  }
  readonly audit: {
    readonly directory: string
    readonly directory_mode: number
    readonly file_mode: number
    readonly format: 'json' | 'csv'
    /** `age_ms` of whole days rotates at midnight of `time_zone`; 0 is never. */
    readonly rotate: { readonly age_ms: number; readonly size_bytes: number }
    readonly retain: {
      readonly age_ms?: number
      readonly files?: number
      readonly size_bytes?: number
    }
    readonly durability: 'async' | 'ack'
    readonly flush: {
      readonly interval_ms: number
      readonly sync_ms: number
      readonly size_bytes: number
    }
    readonly queue_bytes: number
    readonly start_after_ms: number
    readonly stuck_timeout_ms: number
    readonly on_failure: 'refuse' | 'shutdown' | 'continue'
    readonly accept_unaudited: boolean
    readonly parameters: 'none' | 'full'
    readonly parameter_max_bytes: number
    readonly statement_max_bytes: number
    readonly seal: {
      readonly key?: string
      readonly copy?: string
      readonly every_ms: number
      readonly records: number
    }
    /** IANA zone name. */
    readonly time_zone: string
  }
  /** Absent: everything is recorded. Empty: object auditing alone. */
  readonly rules?: readonly RuleConfig[]
  readonly object_audit?: { readonly role: string }
  readonly server_log: {
    readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
    /** Absent: stderr. */
    readonly file?: string
    readonly rotate: { readonly age_ms: number }
  }
  /** Absent: no admin listener. */
  readonly admin?: { readonly host: string; readonly port: number }
  readonly limits: {
    readonly connections: number
    readonly startup_timeout_ms: number
    /** Absent: sessions may be idle for ever. */
    readonly idle_timeout_ms?: number
    readonly message_bytes: number
    readonly analysed_bytes: number
  }
  readonly drain_ms: number
}
