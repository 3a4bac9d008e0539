import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { limits } from '../lib/limits.js'
import type { TrailLog } from './trail-options.js'
import { errnoOf } from './write-failure.js'

/**
 * The anchor: a second file to which each seal is appended, somewhere that whoever may write to
 * the trail cannot change. It may be on a file system that hangs, so it is written from the relay
 * loop without waiting, and a seal that finds no room is missing there: the next one holds its hash.
 */
export class SealCopy {
  readonly #path: string
  readonly #log: TrailLog
  #waiting: string[] = []
  #writing: Promise<void> | undefined
  #failed_seals = 0
  #reported_errno = ''
  /** The last write failed, perhaps in the middle of a line. */
  #torn = false

  constructor(path: string, log: TrailLog) {
    this.#path = path
    this.#log = log
  }

  /** Seals that the anchor does not have. */
  get failed_seals(): number {
    return this.#failed_seals
  }

  append(line: string): void {
    if (this.#waiting.length >= limits.waiting_seals) {
      this.#failed(1, new Error(`${limits.waiting_seals} seals wait for the file already`))
      return
    }
    this.#waiting.push(line)
    this.#writing ??= this.#write()
  }

  /** Resolves when what was appended is written, or after `patience_ms`. */
  async settle(patience_ms: number): Promise<void> {
    if (this.#writing === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience_ms)
    })
    await Promise.race([this.#writing, late])
    clearTimeout(timer)
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      try {
        await this.#append(`${lines.join('\n')}\n`)
        if (this.#reported_errno !== '') {
          this.#reported_errno = ''
          this.#log.warn({ code: 'seal.copy', file: this.#path }, 'seals are copied again')
        }
      } catch (error) {
        this.#failed(lines.length, error)
      }
    }
    this.#writing = undefined
  }

  /** Opened anew each time: an anchor may be moved away, or its file system mounted again. */
  async #append(text: string): Promise<void> {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants
    // Without it a pipe that nobody reads would hold up the process at its end.
    const flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY
    const file = await open(this.#path, flags, 0o600)
    try {
      const before = this.#torn ? '\n' : ''
      this.#torn = true
      await file.appendFile(before + text)
      await file.sync()
      this.#torn = false
    } finally {
      await file.close()
    }
  }

  /** One line for each new cause, not one for each seal. */
  #failed(seals: number, error: unknown): void {
    this.#failed_seals += seals
    const errno = errnoOf(error)
    if (errno === this.#reported_errno) return
    this.#reported_errno = errno
    const reason = error instanceof Error ? error.message : String(error)
    const object = { code: 'seal.copy', file: this.#path, errno, reason }
    this.#log.warn(object, 'a seal could not be copied to the anchor')
  }
}
