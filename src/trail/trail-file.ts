import { createHash, type Hash } from 'node:crypto'
import type { Batch } from './batch.js'
import { type Disk, writeAll } from './disk.js'
import { errnoOf, passFenced, WriteFailure } from './write-failure.js'

/** What the successor of a file says of it. */
export interface Predecessor {
  readonly file: string
  /** Bytes of its whole records. */
  readonly bytes: number
  /** SHA-256 of those bytes, hex; absent when the file cannot be read any more. */
  readonly sha256?: string
  /** Bytes of a record that was cut short and could not be taken away again. */
  readonly torn_bytes?: number
}

/** The bytes of a file that one seal covers. */
export interface UnsealedRange {
  readonly from: number
  readonly to: number
  readonly records: number
  readonly sha256: Buffer
}

/**
 * One open audit file. Only whole records count: what a failed write left of the record after them
 * is cut off again.
 */
export class TrailFile {
  readonly name: string
  readonly #path: string
  readonly #disk: Disk
  readonly #fd: number
  readonly #device: number
  readonly #inode: number
  readonly #hash: Hash = createHash('sha256')
  /** Of what was written since the last seal. */
  #unsealed_hash: Hash = createHash('sha256')
  #sealed_bytes = 0
  #sealed_records = 0
  #bytes = 0
  #records = 0
  #unsynced_bytes = 0
  #torn_bytes = 0

  /** Takes over the descriptor of a file that was just created, and is empty. */
  constructor(name: string, path: string, fd: number, disk: Disk) {
    this.name = name
    this.#path = path
    this.#fd = fd
    this.#disk = disk
    const stat = disk.fstatSync(fd)
    this.#device = stat.dev
    this.#inode = stat.ino
  }

  get bytes(): number {
    return this.#bytes
  }

  get records(): number {
    return this.#records
  }

  get unsynced_bytes(): number {
    return this.#unsynced_bytes
  }

  /** Whether it has a seal. */
  get is_sealed(): boolean {
    return this.#sealed_records > 0
  }

  /** Records since the last seal, its own line among them. */
  get unsealed_records(): number {
    return this.#records - this.#sealed_records
  }

  /** What a seal that is written now covers; what is written from now on is the next one's. */
  takeUnsealed(): UnsealedRange {
    const range = {
      from: this.#sealed_bytes,
      to: this.#bytes,
      records: this.unsealed_records,
      sha256: this.#unsealed_hash.digest(),
    }
    this.#unsealed_hash = createHash('sha256')
    this.#sealed_bytes = this.#bytes
    this.#sealed_records = this.#records
    return range
  }

  /** Appends a batch; a WriteFailure says how many of its records are whole in the file. */
  write(batch: Batch): void {
    const bytes = batch.bytes
    let written = 0
    try {
      writeAll(this.#disk, this.#fd, bytes, (count) => {
        written = count
      })
      this.#count(bytes, batch.records)
    } catch (cause) {
      const whole = batch.recordsWithin(written)
      const kept = batch.bytesOf(whole)
      this.#count(bytes.subarray(0, kept), whole)
      if (written > kept) this.#cutBack(written - kept)
      throw new WriteFailure('write', cause, whole)
    }
  }

  /**
   * Makes everything written durable. Fails also when the file is no longer found under its name:
   * nobody would find what is written to it.
   */
  sync(): void {
    try {
      this.#disk.fsyncSync(this.#fd)
      if (!this.#isInPlace()) throw new Error(`another file has taken the name ${this.name}`)
    } catch (cause) {
      throw new WriteFailure('sync', cause)
    }
    this.#unsynced_bytes = 0
  }

  /** What the successor will say of this file. */
  summary(): Predecessor {
    return {
      file: this.name,
      bytes: this.#bytes,
      sha256: this.#hash.copy().digest('hex'),
      ...(this.#torn_bytes > 0 && { torn_bytes: this.#torn_bytes }),
    }
  }

  /** Closes the descriptor. Answers the error's name when the system reports one, else undefined. */
  close(): string | undefined {
    try {
      this.#disk.closeSync(this.#fd)
      return undefined
    } catch (error) {
      return errnoOf(error)
    }
  }

  /** Undoes a file that could not be begun. False when something of it may be left. */
  discard(): boolean {
    let empty = this.#bytes + this.#torn_bytes === 0
    try {
      // What stands there under our name by now may be another's.
      if (this.#isInPlace()) this.#disk.unlinkSync(this.#path)
      empty = true
    } catch (error) {
      passFenced(error)
      // The name cannot be removed (the directory is gone or read-only): an empty file will do.
      empty ||= this.#truncate(0)
    }
    this.close()
    return empty
  }

  #isInPlace(): boolean {
    const stat = this.#disk.lstatSync(this.#path)
    return stat.ino === this.#inode && stat.dev === this.#device
  }

  #count(bytes: Buffer, records: number): void {
    this.#hash.update(bytes)
    this.#unsealed_hash.update(bytes)
    this.#bytes += bytes.length
    this.#unsynced_bytes += bytes.length
    this.#records += records
  }

  #cutBack(torn_bytes: number): void {
    if (!this.#truncate(this.#bytes)) this.#torn_bytes = torn_bytes
  }

  #truncate(bytes: number): boolean {
    try {
      this.#disk.ftruncateSync(this.#fd, bytes)
      return true
    } catch (error) {
      passFenced(error)
      // The caller reports what is left: the next file names the torn bytes.
      return false
    }
  }
}
