import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { limits } from '../lib/limits.js'
import { createExclusive, type Disk, writeAll } from './disk.js'
import { errnoOf } from './write-failure.js'

const reserve_name = '.reserve'

/**
 * Room on the file system of the audit directory that is kept for the record that there is no room.
 * A file that holds nothing of value, in bytes that no file system can store in less.
 */
export class Reserve {
  readonly #path: string
  readonly #disk: Disk
  #kept = false
  #released = false

  constructor(directory: string, disk: Disk) {
    this.#path = join(directory, reserve_name)
    this.#disk = disk
  }

  /** True from its release until it is there again. */
  get is_released(): boolean {
    return this.#released
  }

  /** Makes it, if it is not there and there is room. Answers the error's name when it cannot. */
  keep(): string | undefined {
    try {
      this.ensure()
      return undefined
    } catch (error) {
      return errnoOf(error)
    }
  }

  /** Makes it, if it is not there. Throws the system's error, which is one of no room as a rule. */
  ensure(): void {
    if (this.#kept || this.#isWhole()) {
      this.#kept = true
      this.#released = false
      return
    }
    this.#remove()
    const fd = createExclusive(this.#disk, this.#path, 0o600)
    try {
      writeAll(this.#disk, fd, randomBytes(limits.reserve_bytes))
      this.#disk.fsyncSync(fd)
    } catch (error) {
      this.#remove()
      throw error
    } finally {
      this.#disk.closeSync(fd)
    }
    this.#kept = true
    this.#released = false
  }

  /** Gives its room back; false when there was none to give. Throws the system's error. */
  release(): boolean {
    if (!this.#kept) return false
    this.#kept = false
    this.#released = true
    return this.#remove()
  }

  /** A former start may have left it. */
  #isWhole(): boolean {
    try {
      const stat = this.#disk.lstatSync(this.#path)
      return stat.isFile() && stat.size === limits.reserve_bytes
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  }

  #remove(): boolean {
    try {
      this.#disk.unlinkSync(this.#path)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  }
}
