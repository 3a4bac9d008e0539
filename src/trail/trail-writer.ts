import { randomBytes } from 'node:crypto'
import { type ErrorCode, WitnessError } from '../errors.js'
import { AuditDirectory } from './audit-directory.js'
import { Backlog } from './backlog.js'
import { ControlWords, type Place, type Rest, type TrailMemory } from './control-words.js'
import { type Disk, fencedDisk, real_disk } from './disk.js'
import { DiskSpace, type DiskUse } from './disk-space.js'
import { Diversion } from './diversion.js'
import { Outlet } from './outlet.js'
import { type Legacy, takeLegacy } from './predecessor.js'
import { Reserve } from './reserve.js'
import { expiredFiles } from './retention.js'
import { Sealer } from './sealer.js'
import { ServerLogSink } from './server-log-sink.js'
import { timedDisk } from './sync-times.js'
import type { RetainOptions, TrailIdentity, TrailOptions } from './trail-options.js'
import { asFailure, errnoOf } from './write-failure.js'
import { SystemWriterClock, type WriterClock } from './writer-clock.js'
import type { CloseCommand, WriterMessage, WriterSetup } from './writer-messages.js'
import { notes, renderNote } from './writer-notes.js'

/** An idle writer still gives a sign of life this often. */
const beat_ms = 1_000

/** Retention looks at the directory at each new file, and this often in between. */
const expire_ms = 3_600_000

/** Removals at a time: each is a record in the small ring of the notes. */
const expire_files = 100

/** Far enough for a writer that no record shall wake: less than half of what a word counts. */
const never_bytes = 0x3fff_ffff

/** What the writer is given besides the memory: a test gives its own. */
export interface WriterPorts {
  readonly report: (message: WriterMessage) => void
  /** The command to close, once the relay loop has given it. */
  readonly closing: () => Omit<CloseCommand, 'kind'> | undefined
  /** The retention that counts now; that of the options when absent. */
  readonly retain?: () => RetainOptions
  readonly clock?: WriterClock
  readonly disk?: Disk
}

/**
 * The writer of the trail: takes records from the rings, numbers them, writes, syncs and
 * acknowledges them. It runs in a thread of its own, where it may wait and where every system call
 * is synchronous; `start`, then `step` and `rest` in turn until `step` answers false.
 */
export class TrailWriter {
  readonly #options: TrailOptions
  readonly #setup: WriterSetup
  readonly #backlog: Backlog
  readonly #control: ControlWords
  readonly #directory: AuditDirectory
  readonly #clock: WriterClock
  readonly #disk: Disk
  /** The same for the server log: a writer may be held up in the one or in the other. */
  readonly #log_disk: Disk
  readonly #report: (message: WriterMessage) => void
  /** True when answers wait for records: they are written and synced without delay. */
  readonly #awaited: boolean
  /** True when this step has told of an acknowledgement. */
  #told = false
  readonly #space: DiskSpace
  #outlet: Outlet | undefined
  #sealer: Sealer | undefined
  #commands_seen = 0
  #write_due_ms: number | undefined
  #expire_due_ms = 0
  #expire_seen: string | undefined
  readonly #closing: WriterPorts['closing']
  readonly #retain: () => RetainOptions
  #retain_seen: RetainOptions

  constructor(memory: TrailMemory, setup: WriterSetup, ports: WriterPorts) {
    this.#setup = setup
    this.#options = setup.options
    this.#clock = ports.clock ?? new SystemWriterClock()
    this.#report = (message) => {
      if (message.kind === 'acknowledged') this.#told = true
      ports.report(message)
    }
    this.#awaited = setup.options.durability === 'ack'
    this.#closing = ports.closing
    this.#retain = ports.retain ?? (() => setup.options.retain)
    this.#retain_seen = setup.options.retain
    this.#control = new ControlWords(memory.control)
    const fenced = (place: Place) =>
      fencedDisk(ports.disk ?? real_disk, this.#control, setup.generation, place)
    this.#disk = timedDisk(fenced('file'), this.#control.syncs)
    this.#log_disk = fenced('log')
    this.#backlog = new Backlog(memory)
    this.#directory = new AuditDirectory(setup.options, this.#disk)
    const { directory } = setup.options
    this.#space = new DiskSpace(directory, this.#disk, this.#clock, this.#control)
  }

  /** Opens the first file. Throws a WitnessError when a first writer cannot; a later one diverts. */
  start(): void {
    const { identity } = this.#setup
    if (identity === undefined) this.#startFirst()
    else this.#startLater(identity)
  }

  /** Does what is due. Answers false when the trail is closed. */
  step(): boolean {
    const outlet = this.#started()
    this.#control.beat()
    this.#told = false
    const commands = this.#control.commands
    const urgent = commands !== this.#commands_seen
    this.#commands_seen = commands
    outlet.tick()
    this.#sealer?.tick(outlet)
    const written = this.#writeIfDue(outlet, urgent)
    if (urgent || (written && this.#awaited)) outlet.sync()
    this.#expireIfDue(outlet)
    this.#lookAtSpace()
    this.#planWrite()
    // Padding at the end of the ring is passed without a record to acknowledge.
    if (!this.#told && this.#control.listening) this.#report({ kind: 'acknowledged' })
    const command = urgent ? this.#closing() : undefined
    if (command === undefined) return true
    this.#finish(outlet, command)
    return false
  }

  /** Waits until something is due or the relay loop calls. */
  rest(): void {
    const { rest, wait_ms, wake_bytes } = this.plan()
    this.#control.rest(rest, wait_ms, this.#backlog.queue_position + wake_bytes, () => {
      if (this.#control.commands !== this.#commands_seen) return false
      return this.#backlog.waiting_bytes < wake_bytes
    })
  }

  /** How to rest: for how long at most, and after how many waiting bytes to be called. */
  plan(): { readonly rest: Rest; readonly wait_ms: number; readonly wake_bytes: number } {
    const due_ms = this.#write_due_ms
    const now_ms = this.#clock.monotonicMilliseconds()
    const idle_ms = Math.max(0, Math.min(beat_ms, this.#started().idle_ms))
    if (!this.#started().takes) {
      // Records cannot go anywhere: only the next attempt counts.
      return { rest: 'filling', wait_ms: idle_ms, wake_bytes: never_bytes }
    }
    if (due_ms === undefined) return { rest: 'idle', wait_ms: idle_ms, wake_bytes: 1 }
    const wait_ms = Math.max(0, Math.min(idle_ms, due_ms - now_ms))
    return { rest: 'filling', wait_ms, wake_bytes: this.#options.flush.size_bytes }
  }

  #startFirst(): void {
    const directory = this.#directory
    try {
      const stored = directory.storedIdentity()
      const legacy = takeLegacy(directory, this.#options.file_mode, this.#disk)
      const { identity, source } = nextIdentity(stored, legacy.identity)
      directory.adopt(identity)
      const outlet = this.#makeOutlet(identity, () => legacy)
      const { start_detail } = this.#options
      const { directory_warning } = this.#setup
      const disk = this.#space.measure()
      if (disk !== undefined && disk.mark > 0) this.#tellOfSpace(disk)
      outlet.open(() => notes.start(start_detail, legacy, source, directory_warning, disk))
      this.#outlet = outlet
    } catch (error) {
      throw startError(this.#options.directory, error)
    }
  }

  #startLater(identity: TrailIdentity): void {
    const outlet = this.#makeOutlet(identity, () => {
      this.#directory.adopt(identity)
      return takeLegacy(this.#directory, this.#options.file_mode, this.#disk)
    })
    this.#outlet = outlet
    outlet.takeOver()
  }

  #makeOutlet(identity: TrailIdentity, inherit: () => Legacy): Outlet {
    const log = new ServerLogSink(
      {
        target: this.#options.server_log,
        format: this.#options.format,
        patience_ms: this.#options.stuck_timeout_ms,
        must_sync: this.#awaited,
      },
      this.#log_disk,
      this.#clock,
    )
    const shared = {
      options: this.#options,
      identity,
      backlog: this.#backlog,
      clock: this.#clock,
      report: this.#report,
    }
    this.#sealer = new Sealer(shared)
    const parts = {
      ...shared,
      control: this.#control,
      directory: this.#directory,
      diversion: new Diversion(log, this.#control),
      sealer: this.#sealer,
      reserve: new Reserve(this.#options.directory, this.#disk),
      inherit,
    }
    return new Outlet(parts)
  }

  /** True when it has written what waited, or tried to. */
  #writeIfDue(outlet: Outlet, urgent: boolean): boolean {
    if (!outlet.takes) return false
    if (!urgent && !this.#isDue()) return false
    this.#write_due_ms = undefined
    outlet.drain('all')
    // More than one drain takes at a time: the rest has waited as long, and goes next.
    if (this.#backlog.peek() !== 'none') this.#write_due_ms = 0
    return true
  }

  #isDue(): boolean {
    // What came during the last sync is the next group.
    if (this.#awaited) return this.#backlog.peek() !== 'none'
    if (this.#backlog.waiting_bytes >= this.#options.flush.size_bytes) return true
    return this.#clock.monotonicMilliseconds() >= (this.#write_due_ms ?? Infinity)
  }

  /** The first record of a batch sets the time of its writing. */
  #planWrite(): void {
    if (this.#write_due_ms !== undefined || this.#backlog.peek() === 'none') return
    const wait_ms = this.#awaited ? 0 : this.#options.flush.interval_ms
    this.#write_due_ms = this.#clock.monotonicMilliseconds() + wait_ms
  }

  #expireIfDue(outlet: Outlet): void {
    const retain = this.#retain()
    if (retain !== this.#retain_seen) this.#expire_seen = undefined
    this.#retain_seen = retain
    if (Object.keys(retain).length === 0) return
    const file = outlet.file
    const now_ms = this.#clock.monotonicMilliseconds()
    if (file === undefined) return
    if (file.name === this.#expire_seen && now_ms < this.#expire_due_ms) return
    this.#expire_seen = file.name
    this.#expire_due_ms = now_ms + expire_ms
    try {
      this.#expire(outlet, file.name)
    } catch (error) {
      const { errno, message } = asFailure(error, 'open')
      this.#log('warn', { errno, reason: message }, 'expired audit files could not be removed')
    }
  }

  /** A removal is on record, durably and sealed, before the file goes. */
  #expire(outlet: Outlet, current: string): void {
    const wall_ms = this.#clock.nowMicroseconds() / 1000
    const expired = expiredFiles(this.#directory.storedFiles(), this.#retain_seen, wall_ms)
      .filter((file) => file.name !== current)
      .slice(0, expire_files)
    if (expired.length === 0) return
    for (const file of expired) this.#note(notes.expire(file))
    this.#sealer?.seal(outlet, false)
    if (outlet.file?.name !== current) return
    for (const file of expired) {
      this.#directory.remove(file.name)
      this.#log('info', { code: 'audit.expire', file: file.name, reason: file.reason }, 'expired')
    }
    this.#directory.sync()
  }

  #finish(outlet: Outlet, { reason, gap }: Omit<CloseCommand, 'kind'>): void {
    if (this.#control.mode !== 'file') outlet.retry()
    // What still waits has its numbers before the record that nothing follows.
    this.#drainAll(outlet)
    if (gap !== undefined) this.#note(notes.gap(gap))
    this.#note(notes.stop(reason))
    // What the file refuses in the first round goes to the log in the second.
    for (let round = 0; round < 2; round++) {
      this.#drainAll(outlet)
      outlet.sync()
      if (round === 0) this.#sealer?.seal(outlet, true)
    }
    outlet.close()
    this.#report({ kind: 'closed', unwritten_bytes: this.#backlog.unacknowledged_bytes })
  }

  #lookAtSpace(): void {
    const use = this.#space.look()
    if (use === undefined) return
    this.#note(notes.disk(use))
    this.#tellOfSpace(use)
  }

  #tellOfSpace(use: DiskUse): void {
    const level = use.mark >= 90 ? 'error' : use.mark > 0 ? 'warn' : 'info'
    const message = `the file system of the audit directory is ${use.used_percent} % full`
    this.#log(level, { code: 'trail.disk_space', ...use }, message)
  }

  #drainAll(outlet: Outlet): void {
    while (outlet.takes && this.#backlog.peek() !== 'none') outlet.drain('all')
  }

  #note(note: Parameters<typeof renderNote>[0]): void {
    this.#backlog.note(renderNote(note, this.#clock.nowMicroseconds(), this.#options))
  }

  #started(): Outlet {
    if (this.#outlet === undefined) throw new Error('the writer was not started')
    return this.#outlet
  }

  #log(level: 'info' | 'warn' | 'error', object: object, message: string): void {
    this.#report({ kind: 'log', level, object, message })
  }
}

/** Each start counts on from the last; a directory that lost its `trail.id` is asked by its files. */
function nextIdentity(
  stored: TrailIdentity | undefined,
  written: TrailIdentity | undefined,
): { readonly identity: TrailIdentity; readonly source: string } {
  if (stored !== undefined) {
    const same = written?.trail === stored.trail
    const epoch = Math.max(stored.epoch, same ? (written?.epoch ?? 0) : 0) + 1
    return { identity: { trail: stored.trail, epoch }, source: 'stored' }
  }
  if (written !== undefined) {
    const identity = { trail: written.trail, epoch: written.epoch + 1 }
    return { identity, source: 'taken from the files' }
  }
  return { identity: { trail: randomBytes(8).toString('hex'), epoch: 1 }, source: 'new' }
}

function startError(directory: string, error: unknown): WitnessError {
  const { message } = asFailure(error, 'open')
  const full = ['ENOSPC', 'EDQUOT'].includes(errnoOf(error))
  const code: ErrorCode = full ? 'trail.disk_full' : 'trail.directory'
  const reason = `the audit file in ${directory} cannot be opened: ${message}`
  return new WitnessError(code, reason, { cause: error })
}
