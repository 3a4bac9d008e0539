import { resolve } from 'node:path'
import { WitnessError } from '../errors.js'
import { SystemClock } from '../lib/clock.js'
import { limits } from '../lib/limits.js'
import { withResolvers } from '../lib/with-resolvers.js'
import type { AuditRecord } from '../record/audit-record.js'
import { ControlWords, createControl, type TrailMemory } from './control-words.js'
import { DirectoryLock } from './directory-lock.js'
import { LostRecords } from './lost-records.js'
import { prepareDirectory } from './prepare-directory.js'
import { createRing, RingProducer } from './ring.js'
import { SealCopy } from './seal-copy.js'
import type { Trail, TrailFailing, TrailState } from './trail.js'
import type { RetainOptions, TrailLog, TrailOptions } from './trail-options.js'
import { UnsavedAge } from './unsaved-age.js'
import { WriterHost } from './writer-host.js'
import type { WriterMessage } from './writer-messages.js'
import { notes, renderNote, renderRecord } from './writer-notes.js'

/** How often the trail is looked after: how long records wait, what was lost, what is to be told. */
const look_ms = 250

interface FlushWaiter {
  readonly position: number
  readonly resolve: () => void
  readonly reject: (error: WitnessError) => void
}

/**
 * Opens the trail: locks the directory, starts the writer's thread, and resolves when `audit.start`
 * is on disk. Throws a WitnessError: `trail.directory`, `trail.disk_full` or `trail.locked`.
 */
export async function openTrail(given: TrailOptions, log: TrailLog): Promise<FileTrail> {
  const options = { ...given, directory: resolve(given.directory) }
  const directory_warning = prepareDirectory(options)
  const lock = await DirectoryLock.take(options.directory)
  if (directory_warning !== undefined) {
    const hint = 'Take that right from them (chmod go-w), or name another directory.'
    log.warn({ code: 'trail.directory', directory: options.directory, hint }, directory_warning)
  }
  const trail = new FileTrail(options, directory_warning, lock, log)
  try {
    await trail.opened
    return trail
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The trail as the relay loop sees it; the writer is in a thread behind shared memory. */
export class FileTrail implements Trail {
  /** Resolves when the first record is on disk; rejects when there is no trail to write to. */
  readonly opened: Promise<void>
  readonly #options: TrailOptions
  readonly #log: TrailLog
  readonly #memory: TrailMemory
  readonly #queue: RingProducer
  readonly #control: ControlWords
  readonly #look: NodeJS.Timeout
  readonly #host: WriterHost
  readonly #lost: LostRecords
  readonly #clock = new SystemClock()
  readonly #age = new UnsavedAge(performance.now())
  readonly #seal_copy: SealCopy | undefined
  #lock: DirectoryLock
  #relocking = false
  #current_file = ''
  #appended_records = 0
  #refused_length = 0
  #flush_waiters: FlushWaiter[] = []
  #writable_waiters: (() => void)[] = []
  readonly #failing_listeners: (() => void)[] = []
  #acknowledgement_waiters: (() => void)[] = []
  #settle_opened: { resolve(): void; reject(error: unknown): void }
  #settle_closed: { resolve(): void; reject(error: unknown): void } | undefined
  #closed: Promise<void> | undefined
  #opening = true
  #failed_seen = false

  constructor(
    options: TrailOptions,
    directory_warning: string | undefined,
    lock: DirectoryLock,
    log: TrailLog,
  ) {
    this.#options = options
    this.#lock = lock
    this.#log = log
    const { copy } = options.seal
    this.#seal_copy = copy === undefined ? undefined : new SealCopy(copy, log)
    this.#memory = {
      queue: createRing(options.queue_bytes),
      notes: createRing(limits.trail_notes_bytes),
      control: createControl(),
    }
    this.#queue = new RingProducer(this.#memory.queue)
    this.#control = new ControlWords(this.#memory.control)
    const { promise, resolve, reject } = withResolvers()
    this.opened = promise
    this.#settle_opened = { resolve, reject }
    this.#lost = new LostRecords(log)
    const host_parts = {
      options,
      memory: this.#memory,
      log,
      receive: (message: WriterMessage) => this.#receive(message),
      owing: () => this.#opening || this.#closed !== undefined || !this.#isSafe(this.#queue.head),
      failed: (reason: string) => this.#refuse(new WitnessError('trail.write_failed', reason)),
    }
    this.#host = new WriterHost(host_parts, directory_warning)
    this.#look = setInterval(() => this.#lookAfter(), look_ms).unref()
  }

  append(rendered: string): boolean {
    // Behind `audit.stop` nothing can follow: a late record is refused, not dropped unseen.
    if (this.#closed !== undefined) return false
    // What is kept stands behind the record of what was not.
    if (this.#lost.records > 0 && !this.#endGap()) return this.#findsNoRoom(rendered)
    if (!this.#queue.append(rendered)) return this.#findsNoRoom(rendered)
    this.#appended_records++
    this.#control.appended(this.#queue.head)
    return true
  }

  /** A record that must wait, or, where `on_failure` says so, one that is not kept. */
  #findsNoRoom(rendered: string): boolean {
    const bytes = Buffer.byteLength(rendered)
    if (this.passes_unrecorded) {
      this.#lost.count(bytes, this.#clock.nowMicroseconds())
      return true
    }
    this.#refused_length = Math.max(this.#refused_length, bytes)
    return false
  }

  get passes_unrecorded(): boolean {
    return this.#options.on_failure === 'continue' && this.#control.mode === 'failed'
  }

  /** Puts `audit.gap` behind the last record that was kept; false when that cannot be done yet. */
  #endGap(): boolean {
    const { gap } = this.#lost
    if (gap === undefined) return true
    if (this.#control.mode === 'failed') return false
    const note = renderNote(notes.gap(gap), this.#clock.nowMicroseconds(), this.#options)
    if (!this.#queue.append(note)) return false
    this.#appended_records++
    this.#control.appended(this.#queue.head)
    this.#lost.told(gap)
    return true
  }

  append_record(record: AuditRecord): boolean {
    return this.append(renderRecord(record, this.#options))
  }

  when_writable(callback: () => void): void {
    this.#writable_waiters.push(callback)
    // Sessions wait in numbers: the writer is called for the first of them.
    if (!this.#control.listening) this.#listen()
  }

  when_acknowledged(callback: () => void): void {
    this.#acknowledgement_waiters.push(callback)
    // The writer has been called by the record itself: nothing more is to be asked of it.
    if (!this.#control.listening) this.#control.listening = true
  }

  flush(): Promise<void> {
    const position = this.#queue.head
    if (this.#queue.tail >= position) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#flush_waiters.push({ position, resolve, reject })
      this.#listen()
    })
  }

  close(reason: string): Promise<void> {
    this.#closed ??= this.#close(reason)
    return this.#closed
  }

  get failing(): TrailFailing | undefined {
    const { on_failure } = this.#options
    if (on_failure === 'continue' || this.#control.mode !== 'failed') return undefined
    return on_failure
  }

  when_failing(listener: () => void): void {
    this.#failing_listeners.push(listener)
  }

  get state(): TrailState {
    return {
      mode: this.#control.mode,
      appended_records: this.#appended_records,
      acknowledged_records: this.#control.counter('acknowledged'),
      queued_bytes: this.#queue.head - this.#queue.tail,
      queue_bytes: this.#queue.capacity,
      oldest_unsaved_ms: this.#age.age(this.#queue.head, this.#queue.tail, performance.now()),
      fallback_records: this.#control.counter('diverted'),
      fallbacks: this.#control.failures,
      syncs: this.#control.syncs.times,
      current_file: this.#current_file,
      stuck: this.#host.holds_threads,
      lost_records: this.#lost.total,
      disk_percent: this.#control.counter('disk_percent'),
      disk_mark: this.#control.counter('disk_mark'),
      uncopied_seals: this.#seal_copy?.failed_seals ?? 0,
    }
  }

  get appended_position(): number {
    return this.#queue.head
  }

  get acknowledged_position(): number {
    // What may pass unrecorded waits for nothing.
    return this.passes_unrecorded ? this.#queue.head : this.#queue.tail
  }

  /** Closed files are judged by this from now on, at once for the first time. */
  setRetention(retain: RetainOptions): void {
    if (this.#closed !== undefined) return
    this.#host.setRetention(retain)
  }

  /** Ends the writer's thread in the middle of whatever it does, as a fault would. For tests. */
  async killWriter(): Promise<void> {
    await this.#host.kill()
  }

  #isSafe(position: number): boolean {
    return this.#queue.tail >= position
  }

  async #close(reason: string): Promise<void> {
    const { promise, resolve, reject } = withResolvers()
    this.#settle_closed = { resolve, reject }
    const gap = this.#endGap() ? undefined : this.#lost.gap
    this.#host.close({ kind: 'close', reason, ...(gap !== undefined && { gap }) })
    try {
      await promise
    } finally {
      clearInterval(this.#look)
      await this.#seal_copy?.settle(this.#options.stuck_timeout_ms)
      // Where writes do not come back, removing the lock's file would not either; it ends with us.
      if (!this.#control.isHeldUp('file')) await this.#lock.release()
    }
  }

  /** Asks the writer for a message at each acknowledgement, and to write at once. */
  #listen(): void {
    this.#control.listening = true
    this.#control.command()
  }

  #receive(message: WriterMessage): void {
    switch (message.kind) {
      case 'opened':
        this.#opening = false
        this.#current_file = message.file
        this.#settle_opened.resolve()
        this.#keepLock()
        return
      case 'acknowledged':
        this.#acknowledged()
        return
      case 'mode':
        this.#modeChanged()
        return
      case 'sealed':
        this.#seal_copy?.append(message.line)
        return
      case 'log':
        this.#log[message.level](message.object, message.message)
        return
      case 'refused':
        this.#refuse(new WitnessError(message.code, message.message))
        return
      case 'closed':
        this.#host.stop()
        this.#acknowledged()
        this.#settleClosed(message.unwritten_bytes)
        return
      default:
        message satisfies never
    }
  }

  /** There is no trail to write to. */
  #refuse(error: WitnessError): void {
    this.#host.stop()
    clearInterval(this.#look)
    this.#settle_opened.reject(error)
  }

  #modeChanged(): void {
    const failed = this.#control.mode === 'failed'
    if (failed === this.#failed_seen) return
    this.#failed_seen = failed
    // Who waits for room would wait as long as nothing is written.
    if (this.passes_unrecorded) {
      const waiting = [...this.#acknowledgement_waiters, ...this.#writable_waiters]
      this.#acknowledgement_waiters = []
      this.#writable_waiters = []
      for (const callback of waiting) callback()
    }
    if (!failed) {
      this.#lost.recovered()
      this.#endGap()
    }
    for (const listener of this.#failing_listeners) listener()
  }

  #lookAfter(): void {
    this.#age.look(this.#queue.head, this.#queue.tail, performance.now())
    if (this.#control.mode === 'failed') this.#lost.tellOfFailure(this.state.queued_bytes)
    else this.#endGap()
  }

  #settleClosed(unwritten_bytes: number): void {
    if (unwritten_bytes === 0) {
      this.#settle_closed?.resolve()
      return
    }
    const message = `${unwritten_bytes} bytes of audit records could be written nowhere`
    const error = new WitnessError('trail.write_failed', message)
    for (const { reject } of this.#flush_waiters) reject(error)
    this.#flush_waiters = []
    this.#settle_closed?.reject(error)
  }

  #acknowledged(): void {
    const tail = this.#queue.tail
    // Sessions with answers that are due come first.
    const acknowledged = this.#acknowledgement_waiters
    if (acknowledged.length > 0) this.#acknowledgement_waiters = []
    for (const callback of acknowledged) callback()
    const waiting = this.#flush_waiters
    this.#flush_waiters = waiting.filter(({ position }) => position > tail)
    for (const { position, resolve } of waiting) if (position <= tail) resolve()
    // Some room, not the first bytes: or each session would write one record and wait again.
    const wanted = Math.max(this.#refused_length, this.#queue.capacity / 4)
    const writable = this.#writable_waiters.length > 0 && this.#queue.hasRoom(wanted)
    const callbacks = writable ? this.#writable_waiters : []
    if (writable) {
      this.#writable_waiters = []
      this.#refused_length = 0
    }
    const waiters = this.#flush_waiters.length + this.#writable_waiters.length
    if (waiters + this.#acknowledgement_waiters.length === 0) this.#control.listening = false
    for (const callback of callbacks) callback()
  }

  /** A directory that was removed and made anew has no lock until it is taken again. */
  #keepLock(): void {
    if (this.#relocking || this.#lock.in_place || this.#closed !== undefined) return
    this.#relocking = true
    this.#relock().then(
      () => {
        this.#relocking = false
      },
      (error: unknown) => {
        this.#relocking = false
        this.#log.error({ err: error }, 'the audit directory could not be locked again')
      },
    )
  }

  async #relock(): Promise<void> {
    const lock = await DirectoryLock.take(this.#options.directory)
    const old = this.#lock
    this.#lock = lock
    await old.release()
  }
}
