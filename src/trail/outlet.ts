import type { AuditDirectory } from './audit-directory.js'
import type { Backlog, Mark } from './backlog.js'
import { Batch } from './batch.js'
import type { ControlWords } from './control-words.js'
import type { Diversion, UnfinishedRange } from './diversion.js'
import { rotationTime } from './rotation-time.js'
import type { Sealer } from './sealer.js'
import type { TrailState } from './trail.js'
import type { Predecessor, TrailFile } from './trail-file.js'
import type { TrailIdentity, TrailOptions } from './trail-options.js'
import { asFailure, errnoOf, type WriteFailure } from './write-failure.js'
import type { WriterClock } from './writer-clock.js'
import type { WriterMessage } from './writer-messages.js'
import { notes, renderNote } from './writer-notes.js'

/** Waits between attempts to go back to a file: doubled from the first to the second. */
const retry_min_ms = 100
const retry_max_ms = 5_000

/** A file that lasted this long failed by a new cause: it is replaced at once, waits begin anew. */
const stable_ms = 5_000

/** A drain ends after this much, so that syncs, rotation and commands come to their turn. */
const drain_bytes = 8 * 1024 * 1024

/** No room: a new file would fare no better, and would hold a few records each time. */
const full_errnos: readonly string[] = ['ENOSPC', 'EDQUOT']

export interface OutletParts {
  readonly options: TrailOptions
  readonly identity: TrailIdentity
  readonly backlog: Backlog
  readonly control: ControlWords
  readonly directory: AuditDirectory
  readonly diversion: Diversion
  readonly sealer: Sealer
  readonly clock: WriterClock
  readonly report: (message: WriterMessage) => void
}

/**
 * Where records go: the file, the server log while no file can be written, and back. Whatever
 * fails, the backlog is read again from the first record that is not safe, so nothing is lost, and
 * a record that is written twice is the same both times.
 */
export class Outlet {
  readonly #parts: OutletParts
  readonly #batch: Batch
  readonly #head: Batch
  #file: TrailFile | undefined
  #previous: Predecessor | undefined
  /** Behind the last record that was written, synced or not. */
  #written: Mark
  #unsynced_since_ms: number | undefined
  #opened_ms = 0
  #rotate_at_ms = Number.POSITIVE_INFINITY
  #rotate_not_before_ms = 0
  #retry_at_ms = Number.POSITIVE_INFINITY
  #retry_delay_ms = retry_min_ms
  #reported_errno = ''
  /** False once the server log has failed, until it is tried again. */
  #log_takes = false

  constructor(parts: OutletParts, previous: Predecessor | undefined) {
    this.#parts = parts
    this.#batch = new Batch(parts.options.format, parts.identity)
    this.#head = new Batch(parts.options.format, parts.identity)
    this.#previous = previous
    this.#written = parts.backlog.mark()
  }

  get file(): TrailFile | undefined {
    return this.#file
  }

  /** Whether records can be written somewhere, as far as is known. */
  get takes(): boolean {
    return this.#file !== undefined || this.#log_takes
  }

  /** Opens a file whose first record is the note. Throws the system's error, leaving no file. */
  open(note: Parameters<typeof renderNote>[0]): void {
    this.#begin(this.#parts.directory.create(this.#wallMilliseconds()), note)
  }

  /** Opens a file after a dead writer, or diverts when that cannot be done. */
  takeOver(): void {
    const unfinished = this.#parts.diversion.takeUnfinished()
    try {
      const reason = 'the writer was replaced'
      this.open(notes.recovered(reason, undefined, this.#previous, unfinished))
    } catch (error) {
      this.divert(asFailure(error, 'open'), unfinished)
    }
  }

  /** Writes what waits: all of it, or only what has its number already. */
  drain(which: 'numbered' | 'all'): void {
    const { backlog } = this.#parts
    let drained = 0
    while (this.takes && (drained < drain_bytes || which === 'numbered')) {
      const next = backlog.peek()
      if (next === 'none' || (next === 'new' && which === 'numbered')) break
      if (next === 'new' && this.#sizeIsReached(backlog.length)) {
        const file = this.#file
        this.#writeBatch()
        if (this.#file === file) this.#rotate('size')
        continue
      }
      if (next === 'new' && this.#sealIsFull()) {
        const file = this.#file
        this.#writeBatch()
        if (this.#file === file) this.#parts.sealer.seal(this, false)
        continue
      }
      this.#batch.add(backlog)
      if (!this.#batch.isFull) continue
      drained += this.#batch.bytes.length
      this.#writeBatch()
    }
    this.#writeBatch()
  }

  /** Makes durable what was written to the file, and acknowledges it. */
  sync(): void {
    const file = this.#file
    if (file === undefined) return
    try {
      file.sync()
      this.#unsynced_since_ms = undefined
      this.#acknowledge(this.#written)
    } catch (error) {
      this.#fileFailed(file, asFailure(error, 'sync'))
    }
  }

  /** What is due by the clock: the way back to a file, a sync, a rotation by age. */
  tick(): void {
    const now_ms = this.#parts.clock.monotonicMilliseconds()
    if (this.#file === undefined && now_ms >= this.#retry_at_ms) this.retry()
    if (now_ms >= this.#syncTime()) this.sync()
    const due = this.#wallMilliseconds() >= this.#rotate_at_ms
    if (due && this.#file !== undefined && now_ms >= this.#rotate_not_before_ms) this.#rotate('age')
  }

  /** Milliseconds until `tick` has something to do. */
  get idle_ms(): number {
    const now_ms = this.#parts.clock.monotonicMilliseconds()
    if (this.#file === undefined) return this.#retry_at_ms - now_ms
    const rotate_ms = Math.max(
      this.#rotate_at_ms - this.#wallMilliseconds(),
      this.#rotate_not_before_ms - now_ms,
    )
    return Math.min(this.#syncTime() - now_ms, rotate_ms)
  }

  /** Tries to go back to a file, and to the server log when that failed too. */
  retry(): void {
    const { clock, diversion } = this.#parts
    try {
      this.open(notes.resume(diversion.range, this.#previous))
      diversion.end()
      const file = this.#file?.name
      this.#log('warn', { code: 'audit.resume', file }, 'records go to a file again')
    } catch (error) {
      this.#retry_delay_ms = Math.min(this.#retry_delay_ms * 2, retry_max_ms)
      this.#retry_at_ms = clock.monotonicMilliseconds() + this.#retry_delay_ms
      this.#logFailure(asFailure(error, 'open'), 'the audit file still cannot be written')
      if (!this.#log_takes) this.#reopenLog()
    }
  }

  /** Closes the file, whose records are all synced. */
  close(): void {
    const failed = this.#file?.close()
    if (failed !== undefined) this.#log('warn', { errno: failed }, 'the audit file did not close')
    this.#file = undefined
    this.#parts.diversion.interrupt()
  }

  #begin(file: TrailFile, note: Parameters<typeof renderNote>[0]): void {
    const { backlog, directory, clock, identity, options, report } = this.#parts
    const rendered = renderNote(note, clock.nowMicroseconds(), options)
    const seq = backlog.note(rendered)
    this.#head.clear()
    this.#head.addHead(rendered, seq)
    try {
      file.write(this.#head)
      file.sync()
      directory.settle()
    } catch (error) {
      // No byte of the note is left, so its number goes to another record.
      if (file.discard()) backlog.retractNote()
      throw error
    }
    backlog.skipNote(seq)
    backlog.peek()
    this.#file = file
    this.#written = backlog.mark()
    this.#acknowledge(this.#written)
    this.#unsynced_since_ms = undefined
    this.#opened_ms = clock.monotonicMilliseconds()
    const { rotate, time_zone } = options
    this.#rotate_at_ms = rotationTime(this.#wallMilliseconds(), rotate.age_ms, time_zone)
    this.#rotate_not_before_ms = 0
    this.#reported_errno = ''
    this.#setMode('file')
    try {
      directory.pointCurrent(file.name)
    } catch (error) {
      this.#log('warn', { errno: errnoOf(error) }, 'the link `current` could not be replaced')
    }
    report({ kind: 'opened', file: file.name, identity })
  }

  #rotate(reason: 'age' | 'size'): void {
    const { backlog, directory, clock, options } = this.#parts
    const old = this.#file
    if (old === undefined) return
    let next: TrailFile
    try {
      next = directory.create(this.#wallMilliseconds())
    } catch (error) {
      // The open file still takes records: a rotation that cannot be done now is done later.
      this.#rotate_not_before_ms = clock.monotonicMilliseconds() + retry_max_ms
      this.#logFailure(asFailure(error, 'open'), 'the audit file could not be rotated')
      return
    }
    const closing = notes.closed(next.name, old.bytes, old.records)
    backlog.note(renderNote(closing, clock.nowMicroseconds(), options))
    this.#parts.sealer.seal(this, true)
    if (this.#file !== old) {
      next.discard()
      return
    }
    this.close()
    this.#previous = old.summary()
    try {
      this.#begin(next, notes.opened(reason, this.#previous))
    } catch (error) {
      this.#replaceFile(asFailure(error, 'open'))
    }
  }

  #sizeIsReached(length: number): boolean {
    const { size_bytes } = this.#parts.options.rotate
    const file = this.#file
    if (file === undefined || size_bytes === 0) return false
    const held = file.records + this.#batch.records
    // A file with nothing but its head would be followed by another one for ever.
    if (held < 2 || file.bytes + this.#batch.bytes.length + length <= size_bytes) return false
    return this.#parts.clock.monotonicMilliseconds() >= this.#rotate_not_before_ms
  }

  #sealIsFull(): boolean {
    const file = this.#file
    return file !== undefined && this.#parts.sealer.isFull(file, this.#batch.records + 1)
  }

  #writeBatch(): void {
    if (this.#batch.records === 0) return
    const file = this.#file
    try {
      if (file !== undefined) this.#writeToFile(file)
      else this.#writeToLog()
      this.#batch.clear()
    } catch (error) {
      const failure = asFailure(error, 'write')
      if (file !== undefined) this.#fileFailed(file, failure)
      else this.#logFailed(failure)
    }
  }

  #writeToFile(file: TrailFile): void {
    file.write(this.#batch)
    this.#written = this.#parts.backlog.mark()
    this.#unsynced_since_ms ??= this.#parts.clock.monotonicMilliseconds()
    if (file.unsynced_bytes > this.#parts.options.queue_bytes / 4) {
      this.#batch.clear()
      this.sync()
    }
  }

  #writeToLog(): void {
    this.#parts.diversion.write(this.#batch)
    this.#written = this.#parts.backlog.mark()
    this.#acknowledge(this.#written)
    this.#setMode('fallback')
  }

  /** The file takes no more: what is whole in it is saved, the rest is read again. */
  #fileFailed(file: TrailFile, failure: WriteFailure): void {
    const { backlog } = this.#parts
    this.#logFailure(failure, 'the audit file cannot be written')
    const mark = this.#batch.markAfter(failure.whole_records) ?? this.#written
    this.#batch.clear()
    // After a failed sync the same descriptor may report success for pages that were dropped.
    if (failure.during !== 'sync') this.#saveWhole(file, mark)
    this.#previous = file.summary()
    this.#file = undefined
    const unclosed = file.close()
    if (unclosed !== undefined)
      this.#log('warn', { errno: unclosed }, 'the audit file did not close')
    backlog.rewind()
    this.#replaceFile(failure)
  }

  #saveWhole(file: TrailFile, mark: Mark): void {
    try {
      file.sync()
      this.#acknowledge(mark)
    } catch (error) {
      this.#logFailure(asFailure(error, 'sync'), 'the last records of the file are written again')
    }
  }

  #replaceFile(failure: WriteFailure): void {
    this.#unsynced_since_ms = undefined
    const lasted_ms = this.#parts.clock.monotonicMilliseconds() - this.#opened_ms
    const stable = lasted_ms >= stable_ms
    this.#retry_delay_ms = stable ? retry_min_ms : Math.min(this.#retry_delay_ms * 2, retry_max_ms)
    if (stable && !full_errnos.includes(failure.errno)) {
      try {
        this.open(notes.recovered(failure.message, failure, this.#previous, undefined))
        return
      } catch (error) {
        this.#logFailure(asFailure(error, 'open'), 'no new audit file can be opened')
      }
    }
    this.divert(failure)
  }

  /** Lets records go to the server log, beginning with the record that says so. */
  divert(
    failure: WriteFailure,
    unfinished: UnfinishedRange | undefined = this.#parts.diversion.takeUnfinished(),
  ): void {
    const { backlog, clock, control, diversion, options } = this.#parts
    if (control.mode === 'file') this.#setMode('fallback')
    this.#log_takes = true
    this.#retry_at_ms = clock.monotonicMilliseconds() + this.#retry_delay_ms
    const note = notes.fallback(failure, this.#previous?.file, unfinished)
    const rendered = renderNote(note, clock.nowMicroseconds(), options)
    const seq = backlog.note(rendered)
    this.#head.clear()
    this.#head.addHead(rendered, seq)
    try {
      diversion.open()
      diversion.write(this.#head)
      backlog.skipNote(seq)
      this.#setMode('fallback')
    } catch (error) {
      this.#logFailed(asFailure(error, 'write'))
    }
  }

  /** The server log takes no more: the records stay in the rings until one of the two does. */
  #logFailed(failure: WriteFailure): void {
    const { backlog, diversion } = this.#parts
    const mark = this.#batch.markAfter(failure.whole_records)
    if (mark !== undefined) this.#acknowledge(mark)
    this.#batch.clear()
    backlog.rewind()
    diversion.interrupt()
    this.#log_takes = false
    this.#setMode('failed')
    this.#logFailure(
      failure,
      'records can be written neither to the audit file nor to the server log',
    )
  }

  /** That the log can be opened proves nothing: it is trusted when it has taken a record. */
  #reopenLog(): void {
    const { backlog, diversion } = this.#parts
    try {
      diversion.open()
    } catch (error) {
      this.#logFailure(asFailure(error, 'open'), 'the server log still cannot be written')
      return
    }
    this.#log_takes = true
    if (backlog.peek() === 'none') this.#setMode('fallback')
    else this.drain('all')
  }

  #acknowledge(mark: Mark): void {
    const { backlog, control, report } = this.#parts
    backlog.acknowledge(mark)
    if (control.listening) report({ kind: 'acknowledged' })
  }

  #syncTime(): number {
    if (this.#unsynced_since_ms === undefined) return Number.POSITIVE_INFINITY
    return this.#unsynced_since_ms + this.#parts.options.flush.sync_ms
  }

  #setMode(mode: TrailState['mode']): void {
    const { control, report } = this.#parts
    if (control.mode === mode) return
    control.mode = mode
    report({ kind: 'mode' })
  }

  #wallMilliseconds(): number {
    return Math.floor(this.#parts.clock.nowMicroseconds() / 1000)
  }

  #log(level: 'info' | 'warn' | 'error', object: object, message: string): void {
    this.#parts.report({ kind: 'log', level, object, message })
  }

  /** One line for each new cause, not one for each attempt. */
  #logFailure(failure: WriteFailure, message: string): void {
    const cause = `${failure.errno} ${message}`
    if (cause === this.#reported_errno) return
    this.#reported_errno = cause
    const { during, errno, message: reason } = failure
    this.#log('error', { code: 'trail.write_failed', during, errno, reason }, message)
  }
}
