import type { AuditRecord } from '../record/audit-record.js'
import type { SyncTimes } from './sync-times.js'

/** The trail as the relay loop sees it. Everything behind it is in the trail thread. */
export interface Trail {
  /** Formats nothing and decides nothing: takes one rendered record (UTF-8, see `render`). */
  append(rendered: string): boolean
  /** Calls back once when `append`, having answered false, would take a record again. */
  when_writable(callback: () => void): void
  /** End of what was appended: the place behind the newest record. */
  readonly appended_position: number
  /**
   * What lies before this place is written and fsynced (or diverted), whatever happens; or no answer
   * is to wait for it, since `on_failure: continue` lets statements pass that cannot be recorded.
   */
  readonly acknowledged_position: number
  /** Calls back once, when more was acknowledged. Whoever waits looks at the place again after. */
  when_acknowledged(callback: () => void): void
  /** Resolves when all that was appended so far is written and fsynced (or diverted). */
  flush(): Promise<void>
  /** Writes `audit.stop`, closes the file, ends the thread. */
  close(reason: string): Promise<void>
  /** Puts an AUDIT record of the main thread (`audit.config`) in its place in the order. */
  append_record(record: AuditRecord): boolean
  /**
   * Set while records can be kept nowhere, neither in a file nor in the server log, and
   * `on_failure` lets nothing pass: what is to become of those who ask for something.
   */
  readonly failing: TrailFailing | undefined
  /**
   * True while records can be kept nowhere and `on_failure: continue` lets statements pass: what
   * finds no room is counted, not kept, and nothing is to wait for its record.
   */
  readonly passes_unrecorded: boolean
  /**
   * Calls back each time that `failing` or `passes_unrecorded` is set or cleared, in a turn of the
   * event loop of its own.
   */
  when_failing(listener: () => void): void
  readonly state: TrailState
}

/** `refuse`: until a record can be kept again; `shutdown`: the process ends. */
export type TrailFailing = 'refuse' | 'shutdown'

/** What the metrics and the health page show. */
export interface TrailState {
  /** `file`: records go to the audit file; `fallback`: to the server log; `failed`: to neither. */
  readonly mode: 'file' | 'fallback' | 'failed'
  readonly appended_records: number
  readonly acknowledged_records: number
  readonly queued_bytes: number
  /** What may wait before sessions do. */
  readonly queue_bytes: number
  /** How long the oldest record that is not safe has waited; 0 when all is safe. */
  readonly oldest_unsaved_ms: number
  readonly fallback_records: number
  /** How often records could not go to the file any more, since the start. */
  readonly fallbacks: number
  readonly syncs: SyncTimes
  readonly current_file: string
  /** A writer is held up in a system call for longer than `stuck_timeout`; another has its work. */
  readonly stuck: boolean
  /** Records that were kept nowhere, since `on_failure` is `continue`. */
  readonly lost_records: number
  /** How full the file system of the audit directory is, in percent as df counts. */
  readonly disk_percent: number
  /** The water mark that counts: 0, 75, 90 or 98. */
  readonly disk_mark: number
  /** Seals that `seal.copy` was to take and could not. */
  readonly uncopied_seals: number
}
