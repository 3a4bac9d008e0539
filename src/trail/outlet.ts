import type { Mark } from './backlog.js'
import { Batch } from './batch.js'
import { FailureLog } from './failure-log.js'
import { NoteDesk } from './note-desk.js'
import type { OutletParts } from './outlet-parts.js'
import type { Legacy } from './predecessor.js'
import { RetryPace } from './retry-pace.js'
import { RotationPlan } from './rotation-plan.js'
import type { TrailState } from './trail.js'
import type { Predecessor, TrailFile } from './trail-file.js'
import { asFailure, heldUp, type WriteFailure } from './write-failure.js'
import { type Note, notes } from './writer-notes.js'

/** A drain ends after this much, so that syncs, rotation and commands come to their turn. */
const drain_bytes = 8 * 1024 * 1024

/** No room: a new file would fare no better, and would hold a few records each time. */
const full_errnos: readonly string[] = ['ENOSPC', 'EDQUOT']

/**
 * Where records go: the file, the server log while no file can be written, and back. Whatever
 * fails, the backlog is read again from the first record that is not safe, so nothing is lost, and
 * a record that is written twice is the same both times.
 */
export class Outlet {
  readonly #parts: OutletParts
  readonly #batch: Batch
  readonly #desk: NoteDesk
  #file: TrailFile | undefined
  #previous: Predecessor | undefined
  /** What a former writer left, until a file of ours tells of it. */
  #legacy: Legacy | undefined
  #inherited = false
  /** Behind the last record that was written, synced or not. */
  #written: Mark
  #unsynced_since_ms: number | undefined
  readonly #rotation: RotationPlan
  readonly #pace: RetryPace
  readonly #words: FailureLog

  constructor(parts: OutletParts) {
    this.#parts = parts
    this.#rotation = new RotationPlan(parts.options, parts.clock)
    this.#pace = new RetryPace(parts.clock)
    this.#words = new FailureLog(parts.report)
    this.#batch = new Batch(parts.options.format, parts.identity)
    this.#desk = new NoteDesk(parts)
    this.#written = parts.backlog.mark()
  }

  get file(): TrailFile | undefined {
    return this.#file
  }

  /** Whether records can be written somewhere, as far as is known. */
  get takes(): boolean {
    return this.#file !== undefined || this.#parts.diversion.takes
  }

  /**
   * Opens a file; its first record is the note, which is asked for when all is known that it tells
   * of. Throws the system's error, leaving no file.
   */
  open(note: (legacy: Legacy | undefined) => Note): void {
    if (this.#parts.control.isHeldUp('file')) throw heldUp('the file system of the audit directory')
    const legacy = this.#legacy ?? this.#inherit()
    this.#begin(this.#parts.directory.create(this.#rotation.wall_ms), note(legacy))
    this.#legacy = undefined
    if (legacy?.torn === undefined) return
    this.#desk.add(notes.torn(legacy))
    this.drain('numbered')
    this.sync()
  }

  /** Opens a file after a dead writer, or diverts when that cannot be done. */
  takeOver(): void {
    const { diversion } = this.#parts
    const { unfinished } = diversion
    try {
      const reason = 'the writer was replaced'
      this.open(() => notes.recovered(reason, undefined, this.#previous, unfinished))
      diversion.end()
    } catch (error) {
      this.#divert(this.#noteFallback(asFailure(error, 'open')))
    }
  }

  /** Writes what waits: all of it, or only what has its number already. */
  drain(which: 'numbered' | 'all'): void {
    const { backlog } = this.#parts
    let drained = 0
    while (this.takes && (drained < drain_bytes || which === 'numbered')) {
      const next = backlog.peek()
      if (next === 'none' || (next === 'new' && which === 'numbered')) break
      const due = next === 'new' ? this.#dueBefore(backlog.length) : undefined
      if (due !== undefined) {
        const file = this.#file
        this.#writeBatch()
        if (this.#file !== file) continue
        if (due === 'rotate') this.#rotate('size')
        else this.#parts.sealer.seal(this, false)
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
    if (this.#file === undefined && this.#pace.is_due) this.retry()
    if (now_ms >= this.#syncTime()) this.sync()
    if (this.#file !== undefined && this.#rotation.by_age) this.#rotate('age')
  }

  /** Milliseconds until `tick` has something to do. */
  get idle_ms(): number {
    const now_ms = this.#parts.clock.monotonicMilliseconds()
    if (this.#file === undefined) return this.#pace.idle_ms
    return Math.min(this.#syncTime() - now_ms, this.#rotation.idle_ms)
  }

  /** Tries to go back to a file, and to the server log when that failed too. */
  retry(): void {
    const { diversion, reserve } = this.#parts
    try {
      // Without room for the reserve there is none for a file that lasts.
      if (reserve.is_released) reserve.ensure()
      this.open(() => notes.resume(diversion.range, this.#previous))
      diversion.end()
      const file = this.#file?.name
      this.#words.log('warn', { code: 'audit.resume', file }, 'records go to a file again')
    } catch (error) {
      this.#pace.inVain()
      this.#words.failure(asFailure(error, 'open'), 'the audit file still cannot be written')
      if (!diversion.takes) this.#reopenLog()
    }
  }

  /** Closes the file, whose records are all synced. */
  close(): void {
    this.#words.warn(this.#file?.close(), 'the audit file did not close')
    this.#file = undefined
    this.#parts.diversion.interrupt()
  }

  /** Answers what was found, when that has not been told in a file yet. */
  #inherit(): Legacy | undefined {
    if (this.#inherited) return undefined
    const legacy = this.#parts.inherit()
    this.#inherited = true
    this.#legacy = legacy
    this.#previous = legacy.previous
    this.#parts.sealer.follow(legacy.seal_hash)
    return legacy
  }

  #begin(file: TrailFile, note: Note): void {
    const { backlog, directory, identity, report } = this.#parts
    const seq = this.#desk.addHead(note)
    try {
      file.write(this.#desk.head)
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
    this.#pace.opened()
    this.#rotation.begin()
    this.#words.forget()
    this.#setMode('file')
    const unnamed = directory.pointCurrent(file.name)
    this.#words.warn(unnamed, 'the link `current` could not be replaced')
    report({ kind: 'opened', file: file.name, identity })
    this.#words.warn(this.#parts.reserve.keep(), 'the reserve of the audit directory is missing')
  }

  #rotate(reason: 'age' | 'size'): void {
    const { directory } = this.#parts
    const old = this.#file
    if (old === undefined) return
    let next: TrailFile
    try {
      next = directory.create(this.#rotation.wall_ms)
      // The old file is closed by naming it: it must not be lost with the power behind that.
      directory.sync()
    } catch (error) {
      // The open file still takes records: a rotation that cannot be done now is done later.
      this.#rotation.postpone()
      this.#words.failure(asFailure(error, 'open'), 'the audit file could not be rotated')
      return
    }
    const closing = notes.closed(next.name, old.bytes, old.records)
    this.#desk.add(closing)
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

  /** What the file needs before it takes one more record. */
  #dueBefore(length: number): 'rotate' | 'seal' | undefined {
    const file = this.#file
    if (file === undefined) return undefined
    const { records, bytes } = this.#batch
    const file_bytes = file.bytes + bytes.length + length
    if (this.#rotation.bySize(file.records + records, file_bytes)) return 'rotate'
    return this.#parts.sealer.isFull(file, records + 1) ? 'seal' : undefined
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
    this.#setMode('fallback')
    this.#acknowledge(this.#written)
  }

  /** The file takes no more: what is whole in it is saved, the rest is read again. */
  #fileFailed(file: TrailFile, failure: WriteFailure): void {
    const { backlog } = this.#parts
    this.#words.failure(failure, 'the audit file cannot be written')
    const mark = this.#batch.markAfter(failure.whole_records) ?? this.#written
    this.#batch.clear()
    // After a failed sync the same descriptor may report success for pages that were dropped.
    if (failure.during !== 'sync') this.#saveWhole(file, mark)
    const is_full = failure.during === 'write' && full_errnos.includes(failure.errno)
    const told = is_full ? this.#tellFull(file, failure) : undefined
    this.#previous = file.summary()
    this.#file = undefined
    this.#words.warn(file.close(), 'the audit file did not close')
    backlog.rewind()
    this.#replaceFile(failure, told)
  }

  /**
   * The file ends with the record that says why, and a seal: the reserve has room for both. The
   * former, whose number is answered, goes to the server log as well.
   */
  #tellFull(file: TrailFile, failure: WriteFailure): number {
    const { diversion, reserve, sealer } = this.#parts
    const seq = this.#desk.addHead(notes.fallback(failure, file.name, diversion.unfinished))
    try {
      if (!reserve.release()) return seq
      file.write(this.#desk.head)
      file.sync()
      sealer.sealFull(file)
    } catch (error) {
      this.#words.failure(asFailure(error, 'write'), 'the reserve was of no use')
    }
    return seq
  }

  #saveWhole(file: TrailFile, mark: Mark): void {
    try {
      file.sync()
      this.#acknowledge(mark)
    } catch (error) {
      this.#words.failure(
        asFailure(error, 'sync'),
        'the last records of the file are written again',
      )
    }
  }

  #replaceFile(failure: WriteFailure, told?: number): void {
    this.#unsynced_since_ms = undefined
    if (this.#pace.failed() && !full_errnos.includes(failure.errno)) {
      try {
        this.open(() => notes.recovered(failure.message, failure, this.#previous, undefined))
        return
      } catch (error) {
        this.#words.failure(asFailure(error, 'open'), 'no new audit file can be opened')
      }
    }
    this.#divert(told ?? this.#noteFallback(failure))
  }

  #noteFallback(failure: WriteFailure): number {
    const { unfinished } = this.#parts.diversion
    return this.#desk.addHead(notes.fallback(failure, this.#previous?.file, unfinished))
  }

  /** Lets records go to the server log, beginning with the record that says so. */
  #divert(seq: number): void {
    const { backlog, control, diversion } = this.#parts
    if (control.mode === 'file') this.#setMode('fallback')
    this.#pace.wait()
    try {
      diversion.open()
      diversion.write(this.#desk.head)
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
    this.#setMode('failed')
    this.#words.failure(
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
      this.#words.failure(asFailure(error, 'open'), 'the server log still cannot be written')
      return
    }
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
}
