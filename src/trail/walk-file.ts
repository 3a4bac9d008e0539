import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { RecordScanner } from './record-scanner.js'

const chunk_bytes = 1024 * 1024

/** One whole record of a file; `line` is valid until the next one, without its line end. */
export interface WalkedRecord {
  readonly from: number
  readonly to: number
  readonly line: Buffer
  readonly format: 'json' | 'csv'
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
 * Reads a file once, from its beginning to the size it had when it was opened: hashes it as a
 * whole and from seal to seal, and shows each record. Holds a chunk and one record at a time.
 */
export class FileWalk {
  readonly #file: FileHandle
  readonly #size: number
  readonly #whole: Hash = createHash('sha256')
  #range: Hash = createHash('sha256')
  /** The chunk that is being shown, where it begins in the file, and how far it is hashed. */
  #chunk: Buffer = Buffer.alloc(0)
  #chunk_from = 0
  #hashed_to = 0

  private constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  /** Opens a file, never through a link. Throws the system's error. */
  static async open(path: string): Promise<FileWalk> {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw new Error('not a regular file')
      return new FileWalk(file, stat.size)
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
    const scanner = new RecordScanner()
    const buffer = Buffer.allocUnsafe(Math.min(chunk_bytes, Math.max(1, this.#size)))
    let rest: Buffer[] = []
    let record_from = 0
    for (let position = 0; position < this.#size; ) {
      const length = Math.min(buffer.length, this.#size - position)
      const { bytesRead } = await this.#file.read(buffer, 0, length, position)
      if (bytesRead === 0) break
      const chunk = buffer.subarray(0, bytesRead)
      this.#chunk = chunk
      this.#chunk_from = position
      this.#hashed_to = position
      let start = 0
      for (const end of scanner.ends(chunk)) {
        const part = chunk.subarray(start, end - 1)
        const line = rest.length === 0 ? part : Buffer.concat([...rest, part])
        const to = position + end
        show({ from: record_from, to, line, format: scanner.format ?? 'json' })
        // Hashed only now: had this record been a seal, its bytes would be the next range's.
        for (const earlier of rest) this.#update(earlier)
        record_from = to
        rest = []
        start = end
      }
      this.#hashTo(position + start)
      // The buffer is used again for the next chunk.
      if (start < bytesRead) rest.push(Buffer.from(chunk.subarray(start)))
      position += bytesRead
      await after_chunk(bytesRead)
    }
    const torn_bytes = rest.reduce((sum, part) => sum + part.length, 0)
    return { bytes: record_from, sha256: this.#whole.digest('hex'), torn_bytes }
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

  #hashTo(to: number): void {
    // A record that began in an earlier chunk has nothing before it in this one.
    if (to <= this.#hashed_to) return
    const from = this.#hashed_to - this.#chunk_from
    this.#update(this.#chunk.subarray(from, to - this.#chunk_from))
    this.#hashed_to = to
  }

  #update(bytes: Buffer): void {
    this.#whole.update(bytes)
    this.#range.update(bytes)
  }
}
