import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type AuditFileName, auditFiles } from './file-name.js'
import { RepeatFilter } from './repeat-filter.js'
import { TrailFileReader } from './trail-file-reader.js'

/** How often the end of the trail is looked at, in milliseconds: at once, to a person. */
const poll_ms = 100

/** A record as it stands in its file. */
export interface FollowedLine {
  readonly line: string
  readonly format: 'json' | 'csv'
}

export interface FollowOptions {
  readonly directory: string
  /** Number of the file to begin with; the first one there is when absent. */
  readonly first_number?: number
  /** Number of the file to end with, when not all are wanted. */
  readonly last_number?: number
  /** False to end with what is there now. */
  readonly follow: boolean
  /** Ends it, between two records. */
  readonly signal: AbortSignal
}

/**
 * The records of a trail in their order, each once, and those that come: over rotations, restarts
 * of the writer, and a directory that goes away and comes back. A record that is not whole waits
 * for its end. Throws the system's error for what cannot be read.
 */
export async function* followTrail(options: FollowOptions): AsyncGenerator<FollowedLine> {
  yield* new TrailFollower(options).lines()
}

class TrailFollower {
  readonly #options: FollowOptions
  readonly #repeats = new RepeatFilter()
  #current: AuditFileName | undefined
  #reader: TrailFileReader | undefined

  constructor(options: FollowOptions) {
    this.#options = options
  }

  async *lines(): AsyncGenerator<FollowedLine> {
    const { follow, signal } = this.#options
    try {
      while (!signal.aborted) {
        // Looked for before the end of the file is: what follows it means that it had its last
        // record by then, since a file is begun only when the one before it is done with.
        const successor = await this.#successor()
        yield* this.#available()
        if (successor !== undefined) await this.#advance(successor)
        else if (!follow) return
        else await delay(poll_ms, undefined, { signal }).catch(() => {})
      }
    } finally {
      await this.#reader?.close()
    }
  }

  /** What is whole in the file by now. */
  async *#available(): AsyncGenerator<FollowedLine> {
    for (;;) {
      const lines = await this.#reader?.next()
      if (lines === undefined) return
      const format = this.#reader?.format ?? 'json'
      for (const line of lines) {
        if (this.#options.signal.aborted) return
        if (format === 'csv' || this.#repeats.isNew(line)) yield { line, format }
      }
    }
  }

  async #advance(successor: AuditFileName): Promise<void> {
    await this.#reader?.close()
    this.#current = successor
    this.#repeats.beginFile()
    this.#reader = await TrailFileReader.open(join(this.#options.directory, successor.name))
  }

  /** The file to go on with: the next one that holds anything. */
  async #successor(): Promise<AuditFileName | undefined> {
    const current = this.#current
    const { first_number = 0, last_number = Number.POSITIVE_INFINITY } = this.#options
    const files = auditFiles(await this.#names())
    for (const file of files) {
      if (file.number > last_number) break
      if (current === undefined) {
        if (file.number < first_number) continue
      } else if (file.number <= current.number && !isOfNewTrail(file, current, files)) {
        continue
      }
      // One that is empty is about to be begun, or was left behind by a crash.
      const stat = await lstat(join(this.#options.directory, file.name)).catch(() => undefined)
      if (stat?.isFile() === true && stat.size > 0) return file
    }
    return undefined
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#options.directory)
    } catch (error) {
      const gone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      // Whoever follows waits for it to come back, as the writer does.
      if (gone && this.#options.follow && this.#current !== undefined) return []
      throw error
    }
  }
}

/** True where the directory was emptied and numbers began anew: its files are younger than ours. */
function isOfNewTrail(
  file: AuditFileName,
  current: AuditFileName,
  files: readonly AuditFileName[],
): boolean {
  return file.created_ms > current.created_ms && !files.some(({ name }) => name === current.name)
}
