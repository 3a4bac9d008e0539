import type { ErrorCode } from '../errors.js'
import type { Detail } from '../record/detail.js'
import type { RetainOptions, TrailIdentity, TrailOptions } from './trail-options.js'

/** What `audit.gap` says of records that were kept nowhere. */
export type GapDetail = Detail<'audit.gap'>

/** What the relay loop gives a new writer. */
export interface WriterSetup {
  readonly options: TrailOptions
  /** Present for a writer that replaces a dead one: it goes on within the same epoch. */
  readonly identity?: TrailIdentity
  /** Counts the writers of this trail: the shared memory belongs to one of them. */
  readonly generation: number
  /** What is wrong with the directory's mode, for `audit.start`. */
  readonly directory_warning?: string
}

/** What the writer tells the relay loop. */
export type WriterMessage =
  /** A file was opened and its first record is on disk. */
  | { readonly kind: 'opened'; readonly file: string; readonly identity: TrailIdentity }
  /** Where records go has changed: see the control words. */
  | { readonly kind: 'mode' }
  /** Records became safe; sent only while somebody listens. */
  | { readonly kind: 'acknowledged' }
  /** A seal is on disk: a line for the anchor. Sent only when there is one. */
  | { readonly kind: 'sealed'; readonly line: string }
  | {
      readonly kind: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly object: object
      readonly message: string
    }
  /** The start is refused: there is no trail to write to. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** The last record is written; `unwritten_bytes` are in neither the file nor the log. */
  | { readonly kind: 'closed'; readonly unwritten_bytes: number }

/** What the relay loop tells the writer. */
export interface CloseCommand {
  readonly kind: 'close'
  readonly reason: string
  /** Records that were kept nowhere and have no record of that yet. */
  readonly gap?: GapDetail
}

/** The retention was changed while the writer runs. */
export interface RetainCommand {
  readonly kind: 'retain'
  readonly retain: RetainOptions
}

export type WriterCommand = CloseCommand | RetainCommand
