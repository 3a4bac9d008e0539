import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { RecordScanner } from './record-scanner.js'

const chunk_bytes = 256 * 1024

/**
 * Reads the records of one file, which may still be growing: what stands behind the last whole
 * record waits until its end comes.
 */
export class TrailFileReader {
  readonly #file: FileHandle
  readonly #scanner = new RecordScanner()
  readonly #buffer = Buffer.allocUnsafe(chunk_bytes)
  #position = 0
  #rest: Buffer[] = []

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /**
   * Undefined for a file that was removed meanwhile, and for what bears such a name and is none of
   * ours: a link, a pipe. Throws the system's error when it cannot be opened.
   */
  static async open(path: string): Promise<TrailFileReader | undefined> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const file = await open(path, flags).catch((error) => {
      if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined
      throw error
    })
    if (file === undefined) return undefined
    if ((await file.stat()).isFile()) return new TrailFileReader(file)
    await file.close()
    return undefined
  }

  /** Undefined until the first byte is read. */
  get format(): 'json' | 'csv' | undefined {
    return this.#scanner.format
  }

  /** Records that have become whole in the next piece; undefined when there is no more for now. */
  async next(): Promise<readonly string[] | undefined> {
    const { bytesRead } = await this.#file.read(this.#buffer, 0, chunk_bytes, this.#position)
    if (bytesRead === 0) return undefined
    this.#position += bytesRead
    const chunk = this.#buffer.subarray(0, bytesRead)
    const lines: string[] = []
    let start = 0
    for (const end of this.#scanner.ends(chunk)) {
      const part = chunk.subarray(start, end - 1)
      const whole = this.#rest.length === 0 ? part : Buffer.concat([...this.#rest, part])
      lines.push(whole.toString())
      this.#rest = []
      start = end
    }
    // The buffer is used again for the next piece.
    if (start < bytesRead) this.#rest.push(Buffer.from(chunk.subarray(start)))
    return lines
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
