import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { limits } from '../lib/limits.js'
import type { FileHasher } from './file-hash.js'
import { RecordScanner } from './record-scanner.js'

const chunk_bytes = 1024 * 1024

/** Of a record that is too long to be held this much is shown, which is more than its head. */
const head_bytes = 4_096

/** One whole record of a file. The object is used again: it is valid until the next one is shown. */
export class WalkedRecord {
  /** Where its line, without the line end, stands in memory. */
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  /** Where it stands in the file, the line end included. */
  from = 0
  to = 0
  format: 'json' | 'csv' = 'json'

  get line(): Buffer {
    return this.bytes.subarray(this.start, this.end)
  }
}

/** What a file holds, once it is read to its end. */
export interface WalkedFile {
  /** Bytes of whole records, and their hash. */
  readonly bytes: number
  readonly sha256: string
  /** Bytes behind the last whole record. */
  readonly torn_bytes: number
}

/**
 * Reads a file once, from its beginning to the size it had when it was opened: hashes it from seal
 * to seal, and shows each record. Holds a chunk and one record at a time. A second thread hashes
 * it as a whole meanwhile.
 */
export class FileWalk {
  readonly #file: FileHandle
  readonly #size: number
  readonly #hasher: FileHasher
  #range: Hash = createHash('sha256')
  /** What is held of the file, where it begins there, and how far the file is hashed. */
  #buffer: Buffer = Buffer.alloc(0)
  #buffer_from = 0
  #hashed_to = 0
  /** Where the record begins that is being read. */
  #record_from = 0
  /** The beginning of a record that is too long to be held; its other bytes are only hashed. */
  #long_head: Buffer | undefined

  private constructor(file: FileHandle, size: number, hasher: FileHasher) {
    this.#file = file
    this.#size = size
    this.#hasher = hasher
  }

  /** Opens a file, never through a link. Throws the system's error. */
  static async open(path: string, hasher: FileHasher): Promise<FileWalk> {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw new Error('not a regular file')
      return new FileWalk(file, stat.size, hasher)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get size(): number {
    return this.#size
  }

  /** Shows each record in turn; `after_chunk` is told how many bytes were read since the last call. */
  async read(
    show: (record: WalkedRecord) => void,
    after_chunk: (bytes: number) => Promise<void>,
  ): Promise<WalkedFile> {
    const whole = this.#hasher.hash(this.#file.fd, this.#size)
    try {
      const position = await this.#readRecords(show, after_chunk)
      const bytes = this.#record_from
      const sha256 = await whole
      const torn_bytes = position - bytes
      if (torn_bytes === 0) return { bytes, sha256, torn_bytes }
      return { bytes, sha256: await this.#hasher.hash(this.#file.fd, bytes), torn_bytes }
    } finally {
      // The descriptor must not be closed while the other thread reads.
      await whole.catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** Hash of what lies between the last call and the record that is being shown. */
  takeRange(record_from: number): Buffer {
    this.#hashTo(record_from)
    const digest = this.#range.digest()
    this.#range = createHash('sha256')
    return digest
  }

  /** Gives how far the file was read, which may have become shorter. */
  async #readRecords(
    show: (record: WalkedRecord) => void,
    after_chunk: (bytes: number) => Promise<void>,
  ): Promise<number> {
    const scanner = new RecordScanner()
    const record = new WalkedRecord()
    this.#buffer = Buffer.allocUnsafe(Math.min(chunk_bytes, Math.max(1, this.#size)))
    let held = 0
    let position = 0
    while (position < this.#size) {
      if (held === this.#buffer.length) this.#grow(held)
      const room = Math.min(this.#buffer.length - held, this.#size - position)
      const { bytesRead } = await this.#file.read(this.#buffer, held, room, position)
      if (bytesRead === 0) break
      position += bytesRead
      held = this.#showRecords(scanner, record, held, held + bytesRead, show)
      await after_chunk(bytesRead)
    }
    return position
  }

  /** Shows the records that end within the new bytes; gives how many bytes are held on. */
  #showRecords(
    scanner: RecordScanner,
    record: WalkedRecord,
    new_from: number,
    to: number,
    show: (record: WalkedRecord) => void,
  ): number {
    const buffer = this.#buffer.subarray(0, to)
    const buffer_from = this.#buffer_from
    let start = this.#record_from - buffer_from
    let end = scanner.nextEnd(buffer, new_from)
    record.format = scanner.format ?? 'json'
    for (; end >= 0; end = scanner.nextEnd(buffer, end)) {
      const head = this.#long_head
      record.bytes = head ?? buffer
      record.start = head === undefined ? start : 0
      record.end = head === undefined ? end - 1 : head.length
      record.from = this.#record_from
      record.to = buffer_from + end
      // Hashed only afterwards: if this record is a seal, its bytes are the next range's.
      show(record)
      this.#long_head = undefined
      this.#record_from = record.to
      start = end
    }
    return this.#keep(start, to)
  }

  /** Moves the beginning of the next record to the front; gives its length. */
  #keep(start: number, to: number): number {
    this.#hashTo(this.#record_from)
    if (this.#long_head === undefined && to - start <= limits.verify_record_bytes) {
      this.#buffer.copyWithin(0, start, to)
      this.#buffer_from += start
      return to - start
    }
    this.#long_head ??= Buffer.from(this.#buffer.subarray(start, start + head_bytes))
    this.#hashTo(this.#buffer_from + to)
    this.#buffer_from += to
    return 0
  }

  #grow(held: number): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2)
    this.#buffer.copy(larger, 0, 0, held)
    this.#buffer = larger
  }

  #hashTo(to: number): void {
    // The beginning of a long record is hashed before it is shown.
    if (to <= this.#hashed_to) return
    const from = this.#hashed_to - this.#buffer_from
    this.#range.update(this.#buffer.subarray(from, to - this.#buffer_from))
    this.#hashed_to = to
  }
}
