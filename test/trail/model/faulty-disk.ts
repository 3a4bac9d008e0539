import fs from 'node:fs'
import { basename, join } from 'node:path'
import { type Disk, real_disk } from '../../../src/trail/disk.js'
import { auditFiles } from '../../../src/trail/file-name.js'

/** What can be wrong with the disk. */
export const fault_names = [
  'full',
  'write_error',
  'sync_error',
  'read_only',
  'no_new_files',
  'no_renames',
  'no_removals',
  'log_full',
  'log_sync_error',
] as const
export type FaultName = (typeof fault_names)[number]

/** How a writer dies in the middle of a system call: before, within or behind what it does. */
export type DeathMoment = 'before' | 'within' | 'behind'

/** What a dead writer throws; it reaches no handler of errors of the system. */
export class WriterDied extends TypeError {}

const call_names = [
  'chmodSync',
  'closeSync',
  'fchmodSync',
  'fstatSync',
  'fsyncSync',
  'ftruncateSync',
  'lstatSync',
  'openSync',
  'readFileSync',
  'readSync',
  'readdirSync',
  'renameSync',
  'symlinkSync',
  'unlinkSync',
  'writeSync',
] as const satisfies readonly (keyof Disk)[]
type CallName = (typeof call_names)[number]

type Kind = 'audit' | 'log' | 'directory' | 'other'

const changing: ReadonlySet<CallName> = new Set([
  'fchmodSync',
  'ftruncateSync',
  'renameSync',
  'symlinkSync',
  'unlinkSync',
])

/**
 * The real system calls, which fail as they are told to, in which a writer dies, and of which is
 * known what a loss of power would take back.
 */
export class FaultyDisk {
  readonly calls: Disk
  readonly faults = new Set<FaultName>()
  /** Bytes that still get through to audit files and to the log before they are full. */
  allowance = 0
  /** Called at the moment of a death: what handlers of errors do afterwards does not count. */
  on_death: () => void = () => undefined
  sync_failed = false
  power_lost = false
  /** What audit files held that retention or somebody else removed. */
  readonly removed: string[] = []
  readonly #directory: string
  readonly #server_log: string
  readonly #open = new Map<number, { readonly kind: Kind; readonly path: string }>()
  /** Bytes of each file that a loss of power leaves. */
  readonly #synced = new Map<string, number>()
  /** Audit files whose names are not durable yet. */
  readonly #unsettled = new Set<string>()
  #death: { calls: number; readonly moment: DeathMoment } | undefined
  #dead = false

  constructor(directory: string, server_log: string) {
    this.#directory = directory
    this.#server_log = server_log
    const calls = call_names.map((name) => [
      name,
      (...values: readonly unknown[]) => this.#call(name, values),
    ])
    this.calls = { ...real_disk, ...Object.fromEntries(calls) }
  }

  get is_dead(): boolean {
    return this.#dead
  }

  /** The writer dies in the system call after so many more. */
  dieAfter(calls: number, moment: DeathMoment): void {
    this.#death = { calls, moment }
  }

  /** A death that has not come yet will not. */
  forgetDeath(): void {
    this.#death = undefined
  }

  /** Another writer may call. The descriptors of a dead one are closed with its process. */
  revive(): void {
    this.#dead = false
    this.#death = undefined
    for (const fd of this.#open.keys()) fs.closeSync(fd)
    this.#open.clear()
  }

  /** Takes back what was not made durable; of each file's end this part has reached the disk. */
  losePower(part: number): void {
    this.power_lost = true
    for (const path of this.#unsettled) fs.rmSync(path, { force: true })
    this.#unsettled.clear()
    for (const [path, synced] of this.#synced) {
      const size = fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
      if (size > synced) fs.truncateSync(path, synced + Math.floor((size - synced) * part))
    }
  }

  /** Somebody removes a file of the trail. */
  removeFile(path: string): void {
    this.#keepCopy(path)
    fs.unlinkSync(path)
    this.#forget(path)
  }

  #call(name: CallName, values: readonly unknown[]): unknown {
    if (this.#dead) throw new WriterDied('the writer is dead')
    const death = this.#death
    const dies = death !== undefined && death.calls-- === 0
    if (!dies) return this.#perform(name, values)
    try {
      if (death.moment === 'behind') this.#perform(name, values)
      if (death.moment === 'within') this.#perform(name, halved(name, values))
    } finally {
      this.#dead = true
      this.on_death()
    }
    throw new WriterDied(name)
  }

  #perform(name: CallName, values: readonly unknown[]): unknown {
    const [first] = values
    const file = typeof first === 'number' ? this.#open.get(first) : undefined
    const path = file?.path ?? (typeof first === 'string' ? first : '')
    if (name === 'openSync') return this.#openFile(path, values)
    if (name === 'writeSync') return this.#write(file?.kind ?? 'other', values)
    this.#checkFaults(name, file?.kind ?? 'other', path)
    // The newest is one that could not be begun: it is taken back, with the number of its record.
    if (name === 'unlinkSync' && !this.#isNewest(path)) this.#keepCopy(path)
    const call: (...values: never) => unknown = fs[name]
    const result: unknown = Reflect.apply(call, fs, [...values])
    this.#note(name, values, path)
    return result
  }

  #checkFaults(name: CallName, kind: Kind, path: string): void {
    const { faults } = this
    if (name === 'fsyncSync' && kind === 'audit' && faults.has('sync_error')) {
      this.sync_failed = true
      throw failure('EIO')
    }
    if (name === 'fsyncSync' && kind === 'log' && faults.has('log_sync_error')) throw failure('EIO')
    if (changing.has(name) && kind !== 'log' && faults.has('read_only')) throw failure('EROFS')
    if (name === 'renameSync' && faults.has('no_renames')) throw failure('EACCES')
    const removes_audit = name === 'unlinkSync' && isAuditFile(path)
    if (removes_audit && faults.has('no_removals')) throw failure('EPERM')
  }

  #openFile(path: string, values: readonly unknown[]): number {
    const [, flags, mode] = values
    const kind = this.#kindOf(path)
    const creates = (Number(flags) & fs.constants.O_CREAT) !== 0
    if (creates && kind !== 'log') {
      if (this.faults.has('read_only')) throw failure('EROFS')
      if (kind === 'audit' && this.faults.has('no_new_files')) throw failure('EACCES')
    }
    const fd = fs.openSync(path, Number(flags), Number(mode ?? 0o600))
    this.#open.set(fd, { kind, path })
    if (creates && kind !== 'other' && !this.#synced.has(path)) this.#synced.set(path, 0)
    if (creates && kind === 'audit') this.#unsettled.add(path)
    return fd
  }

  #write(kind: Kind, [fd, bytes, from, length]: readonly unknown[]): number {
    const { faults } = this
    if (kind === 'audit' && faults.has('write_error')) throw failure('EIO')
    if (kind !== 'log' && faults.has('read_only')) throw failure('EROFS')
    let count = Number(length)
    if (faults.has(kind === 'log' ? 'log_full' : 'full')) {
      count = Math.min(count, this.allowance)
      this.allowance -= count
      if (count === 0) throw failure('ENOSPC')
    }
    if (!(bytes instanceof Uint8Array)) throw new Error('only bytes are written')
    return fs.writeSync(Number(fd), bytes, Number(from), count)
  }

  /** What a call that succeeded means for a loss of power. */
  #note(name: CallName, values: readonly unknown[], path: string): void {
    const [first, second] = values
    if (name === 'closeSync') this.#open.delete(Number(first))
    if (name === 'unlinkSync') this.#forget(path)
    if (name === 'fsyncSync') {
      if (this.#kindOf(path) === 'directory') this.#unsettled.clear()
      else if (this.#synced.has(path)) this.#synced.set(path, fs.fstatSync(Number(first)).size)
    }
    if (name === 'ftruncateSync') {
      const synced = this.#synced.get(path)
      if (synced !== undefined) this.#synced.set(path, Math.min(synced, Number(second)))
    }
  }

  #keepCopy(path: string): void {
    if (isAuditFile(path)) this.removed.push(fs.readFileSync(path, 'utf8'))
  }

  #isNewest(path: string): boolean {
    return auditFiles(fs.readdirSync(this.#directory)).at(-1)?.name === basename(path)
  }

  #forget(path: string): void {
    this.#synced.delete(path)
    this.#unsettled.delete(path)
  }

  #kindOf(path: string): Kind {
    if (path === this.#server_log) return 'log'
    if (path === this.#directory) return 'directory'
    return isAuditFile(path) && path === join(this.#directory, basename(path)) ? 'audit' : 'other'
  }
}

function isAuditFile(path: string): boolean {
  return /\/audit-[^/]*\.log$/.test(path)
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the test told it`), { code })
}

/** A write of which half arrives; other calls happen or do not. */
function halved(name: CallName, values: readonly unknown[]): readonly unknown[] {
  if (name !== 'writeSync') return values
  const [fd, bytes, from, length] = values
  return [fd, bytes, from, Math.ceil(Number(length) / 2)]
}
