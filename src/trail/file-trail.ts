import { resolve } from 'node:path'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { WitnessError } from '../errors.js'
import { builtFile } from '../lib/built-file.js'
import { limits } from '../lib/limits.js'
import type { AuditRecord } from '../record/audit-record.js'
import { ControlWords, createControl, type TrailMemory } from './control-words.js'
import { DirectoryLock } from './directory-lock.js'
import { prepareDirectory } from './prepare-directory.js'
import { createRing, RingProducer } from './ring.js'
import { SealCopy } from './seal-copy.js'
import type { Trail, TrailFailing, TrailState } from './trail.js'
import type { RetainOptions, TrailIdentity, TrailLog, TrailOptions } from './trail-options.js'
import type { WriterCommand, WriterMessage, WriterSetup } from './writer-messages.js'
import { renderRecord } from './writer-notes.js'
import type { WriterThreadData } from './writer-thread.js'

/** How often the relay loop looks whether the writer is alive. */
const watch_ms = 1_000

/** Waits before a dead writer is replaced: at once, then doubled up to the longest. */
const restart_min_ms = 50
const restart_max_ms = 5_000

/** A writer that lived this long died of something new. */
const restart_stable_ms = 60_000

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
  #options: TrailOptions
  readonly #log: TrailLog
  readonly #memory: TrailMemory
  readonly #queue: RingProducer
  readonly #control: ControlWords
  readonly #watch: NodeJS.Timeout
  readonly #seal_copy: SealCopy | undefined
  #lock: DirectoryLock
  #relocking = false
  #worker: Worker
  #port: MessagePort
  #identity: TrailIdentity | undefined
  #current_file = ''
  #appended_records = 0
  #refused_length = 0
  #flush_waiters: FlushWaiter[] = []
  #writable_waiters: (() => void)[] = []
  readonly #failing_listeners: (() => void)[] = []
  #settle_opened: { resolve(): void; reject(error: unknown): void }
  #close_reason: string | undefined
  #settle_closed: { resolve(): void; reject(error: unknown): void } | undefined
  #closed: Promise<void> | undefined
  #finished = false
  #started_ms = 0
  #restart_ms = restart_min_ms
  #beats_seen = -1
  #beat_at_ms = 0
  #stuck = false

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
    const { promise, resolve, reject } = promiseWithResolvers()
    this.opened = promise
    this.#settle_opened = { resolve, reject }
    const setup = { options, ...(directory_warning !== undefined && { directory_warning }) }
    const { worker, port } = this.#startWriter(setup)
    this.#worker = worker
    this.#port = port
    this.#watch = setInterval(() => this.#watchWriter(), watch_ms).unref()
  }

  append(rendered: string): boolean {
    // Behind `audit.stop` nothing can follow: a late record is refused, not dropped unseen.
    if (this.#closed !== undefined) return false
    if (!this.#queue.append(rendered)) {
      this.#refused_length = Math.max(this.#refused_length, Buffer.byteLength(rendered))
      return false
    }
    this.#appended_records++
    this.#control.appended(this.#queue.head)
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
      fallback_records: this.#control.counter('diverted'),
      current_file: this.#current_file,
      stuck: this.#stuck,
      uncopied_seals: this.#seal_copy?.failed_seals ?? 0,
    }
  }

  /** End of what was appended; with `acknowledged_position` it tells when a record is safe. */
  get appended_position(): number {
    return this.#queue.head
  }

  get acknowledged_position(): number {
    return this.#queue.tail
  }

  /** Closed files are judged by this from now on, at once for the first time. */
  setRetention(retain: RetainOptions): void {
    if (this.#closed !== undefined) return
    this.#options = { ...this.#options, retain }
    this.#port.postMessage({ kind: 'retain', retain } satisfies WriterCommand)
    this.#control.command()
  }

  /** Ends the writer's thread in the middle of whatever it does, as a fault would. For tests. */
  async killWriter(): Promise<void> {
    await this.#worker.terminate()
  }

  async #close(reason: string): Promise<void> {
    const { promise, resolve, reject } = promiseWithResolvers()
    this.#settle_closed = { resolve, reject }
    this.#close_reason = reason
    this.#sendClose(reason)
    try {
      await promise
    } finally {
      clearInterval(this.#watch)
      await this.#seal_copy?.settle(this.#options.stuck_timeout_ms)
      await this.#lock.release()
    }
  }

  #sendClose(reason: string): void {
    this.#port.postMessage({ kind: 'close', reason } satisfies WriterCommand)
    this.#control.command()
  }

  /** Asks the writer for a message at each acknowledgement, and to write at once. */
  #listen(): void {
    this.#control.listening = true
    this.#control.command()
  }

  #startWriter(setup: WriterSetup): { readonly worker: Worker; readonly port: MessagePort } {
    const { port1, port2 } = new MessageChannel()
    const data: WriterThreadData = { memory: this.#memory, setup, port: port2 }
    const worker = new Worker(builtFile('trail/writer-thread.js'), {
      name: 'pgwitness-trail',
      workerData: data,
      transferList: [port2],
    })
    this.#started_ms = performance.now()
    port1.on('message', (message: WriterMessage) => this.#receive(message))
    worker.on('error', (error) => {
      this.#log.error({ err: error }, 'the writer of the trail failed')
    })
    // The port closes behind the last message, the thread may end before it is delivered.
    const ended = [new Promise((end) => worker.on('exit', end))]
    ended.push(new Promise((end) => port1.on('close', end)))
    void Promise.all(ended).then(() => this.#writerEnded())
    return { worker, port: port1 }
  }

  #receive(message: WriterMessage): void {
    switch (message.kind) {
      case 'opened':
        this.#identity = message.identity
        this.#current_file = message.file
        this.#settle_opened.resolve()
        this.#keepLock()
        return
      case 'acknowledged':
        this.#acknowledged()
        return
      case 'mode':
        for (const listener of this.#failing_listeners) listener()
        return
      case 'sealed':
        this.#seal_copy?.append(message.line)
        return
      case 'log':
        this.#log[message.level](message.object, message.message)
        return
      case 'refused':
        this.#finished = true
        this.#settle_opened.reject(new WitnessError(message.code, message.message))
        clearInterval(this.#watch)
        return
      case 'closed':
        this.#finished = true
        this.#acknowledged()
        this.#settleClosed(message.unwritten_bytes)
        return
      default:
        message satisfies never
    }
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
    const idle = this.#flush_waiters.length + this.#writable_waiters.length === 0
    if (idle) this.#control.listening = false
    for (const callback of callbacks) callback()
  }

  #writerEnded(): void {
    if (this.#finished) return
    if (this.#identity === undefined) {
      this.#finished = true
      clearInterval(this.#watch)
      const message = 'the writer of the trail ended before it had opened a file'
      this.#settle_opened.reject(new WitnessError('trail.write_failed', message))
      return
    }
    const lived_ms = performance.now() - this.#started_ms
    if (lived_ms >= restart_stable_ms) this.#restart_ms = restart_min_ms
    this.#log.error({ code: 'trail.write_failed', lived_ms }, 'the writer ended and is replaced')
    const identity = this.#identity
    setTimeout(() => this.#replaceWriter(identity), this.#restart_ms)
    this.#restart_ms = Math.min(this.#restart_ms * 2, restart_max_ms)
  }

  #replaceWriter(identity: TrailIdentity): void {
    const { worker, port } = this.#startWriter({ options: this.#options, identity })
    this.#worker = worker
    this.#port = port
    if (this.#close_reason !== undefined) this.#sendClose(this.#close_reason)
    else this.#control.command()
  }

  /** A writer that shows no sign of life while records wait is held up in a system call. */
  #watchWriter(): void {
    const now_ms = performance.now()
    const beats = this.#control.beats
    if (beats !== this.#beats_seen || this.#queue.head === this.#queue.tail) {
      this.#beats_seen = beats
      this.#beat_at_ms = now_ms
    }
    const silent_ms = now_ms - this.#beat_at_ms
    const stuck = silent_ms > this.#options.stuck_timeout_ms
    if (stuck === this.#stuck) return
    this.#stuck = stuck
    if (stuck) this.#log.error({ code: 'trail.write_failed', silent_ms }, 'the writer is stuck')
    else this.#log.warn({}, 'the writer goes on')
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

/** `Promise.withResolvers` is not in Node 20. */
function promiseWithResolvers(): {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
} {
  let resolve: () => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<void>((on_resolve, on_reject) => {
    resolve = on_resolve
    reject = on_reject
  })
  return { promise, resolve, reject }
}
