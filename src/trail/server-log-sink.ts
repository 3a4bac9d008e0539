import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { dirname } from 'node:path'
import type { Batch } from './batch.js'
import { type Disk, syncDirectory, writeAll } from './disk.js'
import type { ServerLogTarget } from './trail-options.js'
import { errnoOf, passFenced, WriteFailure } from './write-failure.js'
import type { WriterClock } from './writer-clock.js'

/** What one diversion wrote, as `audit.resume` names it. */
export interface DiversionRange {
  readonly from_seq: number
  readonly to_seq: number
  readonly records: number
  /** SHA-256 (hex) of the record lines, each with its newline, in the order of the log. */
  readonly sha256: string
}

export interface ServerLogSettings {
  readonly target: ServerLogTarget
  readonly format: 'json' | 'csv'
  /** How long one line may wait for a pipe that nobody empties, in milliseconds. */
  readonly patience_ms: number
  /** True when a record counts as written only once it is fsynced: a terminal or a pipe will not do. */
  readonly must_sync: boolean
}

const longest_nap_ms = 50

/** Takes every byte and keeps none: what is written there is not safe. */
const null_device = '/dev/null'

const not_durable =
  'the server log is no file, and audit.durability ack needs one that can be made durable'
const newline = 0x0a

/** The level `error` of the server log. */
const level = 50

/**
 * The server log as the place of last resort: each record is one line of it, and stands in that
 * line exactly as it would stand in the file. Written and checked synchronously; what is not a
 * terminal or a pipe is made durable too.
 */
export class ServerLogSink {
  readonly #settings: ServerLogSettings
  readonly #disk: Disk
  readonly #clock: WriterClock
  readonly #nap = new Int32Array(new SharedArrayBuffer(4))
  #fd: number | undefined
  #durable = false
  /** True when the descriptor that we were given has failed to sync: it may say next that all is well. */
  #spoilt = false
  #torn = false
  #hash: Hash = createHash('sha256')
  #from_seq = 0
  #to_seq = 0
  #records = 0

  constructor(settings: ServerLogSettings, disk: Disk, clock: WriterClock) {
    this.#settings = settings
    this.#disk = disk
    this.#clock = clock
  }

  /** Makes ready to write, if it is not. Throws a WriteFailure. */
  open(): void {
    if (this.#fd !== undefined) return
    const { target, must_sync } = this.#settings
    const { O_APPEND, O_CREAT, O_RDWR } = constants
    try {
      if (this.#spoilt) throw new Error('the server log failed to sync, and cannot be opened anew')
      this.#fd =
        'fd' in target
          ? target.fd
          : this.#disk.openSync(target.path, O_APPEND | O_CREAT | O_RDWR, 0o600)
      const stat = this.#disk.fstatSync(this.#fd)
      if (stat.isCharacterDevice() && stat.rdev === this.#disk.lstatSync(null_device).rdev) {
        throw new Error(`the server log is ${null_device}, which keeps nothing`)
      }
      this.#durable = stat.isFile()
      if (must_sync && !this.#durable) throw new Error(not_durable)
      if (must_sync && 'path' in target) syncDirectory(this.#disk, dirname(target.path))
    } catch (cause) {
      this.close()
      throw new WriteFailure('open', cause)
    }
  }

  /** Writes the records as lines; a WriteFailure says how many are safe. */
  write(batch: Batch): void {
    this.#findAgain()
    const fd = this.#fd
    if (fd === undefined) throw new WriteFailure('open', new Error('the server log is not open'))
    if (this.#durable && !this.#torn) this.#torn = this.#endsWithin(fd)
    let whole = 0
    let failure: { readonly cause: unknown } | undefined
    try {
      for (; whole < batch.records; whole++) {
        this.#writeLine(fd, this.#logLine(batch.line(whole)))
        this.#count(batch.line(whole), batch.seq(whole))
      }
    } catch (cause) {
      failure = { cause }
    }
    if (this.#durable) this.#sync(fd)
    if (failure !== undefined) throw new WriteFailure('write', failure.cause, whole)
  }

  /** What was written since the diversion began; undefined when that is nothing. */
  range(): DiversionRange | undefined {
    if (this.#records === 0) return undefined
    return {
      from_seq: this.#from_seq,
      to_seq: this.#to_seq,
      records: this.#records,
      sha256: this.#hash.copy().digest('hex'),
    }
  }

  /** Ends the diversion: the range begins anew. */
  end(): void {
    this.close()
    this.#hash = createHash('sha256')
    this.#records = 0
  }

  /** Gives the descriptor back; after a failure the path is opened anew. */
  close(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd === undefined || 'fd' in this.#settings.target) return
    try {
      this.#disk.closeSync(fd)
    } catch (error) {
      passFenced(error)
      // Every record in it was checked when it was written: closing can take nothing back.
    }
  }

  /** A diversion may last for days: a file that was removed meanwhile would take the records along. */
  #findAgain(): void {
    if (this.#fd === undefined || !this.#durable) return
    if (this.#disk.fstatSync(this.#fd).nlink > 0) return
    this.close()
    this.open()
  }

  /**
   * Whether the file ends within a line: on a full disk the program's own lines are cut short too,
   * and what stands behind one that was is not found as a line of ours.
   */
  #endsWithin(fd: number): boolean {
    try {
      const { size } = this.#disk.fstatSync(fd)
      if (size === 0) return false
      const last = Buffer.alloc(1)
      return this.#disk.readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== newline
    } catch (error) {
      // A descriptor that we were given may be for writing alone: a line end too many does no harm.
      passFenced(error)
      return true
    }
  }

  #sync(fd: number): void {
    try {
      this.#disk.fsyncSync(fd)
    } catch (cause) {
      const { target, must_sync } = this.#settings
      this.#spoilt ||= must_sync && 'fd' in target
      throw new WriteFailure('sync', cause)
    }
  }

  /** The record verbatim inside a line of the log, so that cutting it out gives the same bytes. */
  #logLine(line: Buffer): Buffer {
    const record = line.subarray(0, -1)
    const text = this.#settings.format === 'json' ? record : JSON.stringify(record.toString())
    const time = Math.floor(this.#clock.nowMicroseconds() / 1000)
    return Buffer.concat([
      // A line that was cut short is ended first, or this one would be hidden behind it.
      Buffer.from(this.#torn ? '\n' : ''),
      Buffer.from(`{"level":${level},"time":${time},"code":"audit.fallback","record":`),
      typeof text === 'string' ? Buffer.from(text) : text,
      Buffer.from('}\n'),
    ])
  }

  #writeLine(fd: number, line: Buffer): void {
    const give_up_ms = this.#clock.monotonicMilliseconds() + this.#settings.patience_ms
    let written = 0
    for (let nap_ms = 1; written < line.length; ) {
      const before = written
      try {
        writeAll(this.#disk, fd, line.subarray(before), (count) => {
          written = before + count
          this.#torn = written < line.length
        })
      } catch (error) {
        if (errnoOf(error) !== 'EAGAIN' || this.#clock.monotonicMilliseconds() > give_up_ms)
          throw error
        Atomics.wait(this.#nap, 0, 0, nap_ms)
        nap_ms = Math.min(nap_ms * 2, longest_nap_ms)
      }
    }
  }

  #count(line: Buffer, seq: number): void {
    this.#hash.update(line)
    this.#from_seq = this.#records === 0 ? seq : Math.min(this.#from_seq, seq)
    this.#to_seq = this.#records === 0 ? seq : Math.max(this.#to_seq, seq)
    this.#records++
  }
}
