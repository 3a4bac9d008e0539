import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { createExclusive, type Disk, syncDirectory, writeAll } from './disk.js'
import { type AuditFileName, auditFileName, auditFiles } from './file-name.js'
import type { StoredFile } from './retention.js'
import { TrailFile } from './trail-file.js'
import type { TrailIdentity, TrailOptions } from './trail-options.js'
import { errnoOf } from './write-failure.js'

const identity_name = 'trail.id'
const current_name = 'current'

/** Names that others may have planted are passed over, but not without end. */
const name_attempts = 16

/** What `trail.id` holds: who the trail is, how often it was started, the last file's number. */
interface TrailState extends TrailIdentity {
  readonly file: number
}

/** The directory of a trail: its identity, the names in it, the order of its files. */
export class AuditDirectory {
  readonly path: string
  readonly #mode: number
  readonly #file_mode: number
  readonly #disk: Disk
  #identity: TrailIdentity | undefined
  #last_number = 0

  constructor(
    options: Pick<TrailOptions, 'directory' | 'directory_mode' | 'file_mode'>,
    disk: Disk,
  ) {
    this.path = options.directory
    this.#mode = options.directory_mode
    this.#file_mode = options.file_mode
    this.#disk = disk
  }

  /** The audit files, in the order of their numbers. */
  files(): AuditFileName[] {
    return auditFiles(this.#disk.readdirSync(this.path))
  }

  /** The audit files with their sizes. What bears such a name but is no file is none of ours. */
  storedFiles(): StoredFile[] {
    return this.files().flatMap((file) => {
      const stat = this.#disk.lstatSync(join(this.path, file.name))
      return stat.isFile() ? [{ ...file, bytes: stat.size }] : []
    })
  }

  /** The identity that the directory holds, undefined when it holds none that can be read. */
  storedIdentity(): TrailIdentity | undefined {
    return this.#readState()
  }

  /** Takes an identity for this start and makes it durable before any record bears it. */
  adopt(identity: TrailIdentity): void {
    this.#restore()
    this.#identity = identity
    this.#last_number = Math.max(this.#readState()?.file ?? 0, this.#highestNumber())
    this.#writeState()
  }

  /**
   * Makes the directory again when it was removed, with its mode. Its parent must be there: it may
   * be the place of a file system that is not mounted now.
   */
  #restore(): void {
    try {
      this.#disk.mkdirSync(this.path, 0o700)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return
      throw error
    }
    this.#disk.chmodSync(this.path, this.#mode)
  }

  /** Creates the next file, empty, with its mode. Throws the system's error. */
  create(now_ms: number): TrailFile {
    this.#restore()
    this.#refuseOthers()
    this.#last_number = Math.max(this.#last_number, this.#highestNumber())
    for (let attempt = 1; ; attempt++) {
      const name = auditFileName(now_ms, this.#last_number + 1)
      const path = join(this.path, name)
      try {
        const fd = createExclusive(this.#disk, path, this.#file_mode)
        this.#last_number++
        return new TrailFile(name, path, fd, this.#disk)
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' || attempt === name_attempts) throw error
        this.#last_number++
      }
    }
  }

  /** Makes the new file's name durable, and its number, so that no later file gets it again. */
  settle(): void {
    this.#refuseOthers()
    this.#writeState()
  }

  /** Another directory may have come in the place of ours. */
  #refuseOthers(): void {
    const stored = this.#readState()
    if (stored === undefined || stored.trail === this.#identity?.trail) return
    throw new Error(`the directory holds another trail, ${stored.trail}`)
  }

  /** Lets `current` name the file, replaced in one step. Answers the error's name when it cannot. */
  pointCurrent(name: string): string | undefined {
    const temporary = join(this.path, `.${current_name}-${randomBytes(6).toString('hex')}`)
    try {
      this.#disk.symlinkSync(name, temporary)
      try {
        this.#disk.renameSync(temporary, join(this.path, current_name))
      } catch (error) {
        this.#disk.unlinkSync(temporary)
        throw error
      }
      return undefined
    } catch (error) {
      return errnoOf(error)
    }
  }

  /** Removes a file and the torn ends that were moved from it. */
  remove(name: string): void {
    for (const entry of this.#disk.readdirSync(this.path)) {
      if (entry.startsWith(`${name}.torn`)) this.#disk.unlinkSync(join(this.path, entry))
    }
    this.#disk.unlinkSync(join(this.path, name))
  }

  sync(): void {
    syncDirectory(this.#disk, this.path)
  }

  #highestNumber(): number {
    return this.files().at(-1)?.number ?? 0
  }

  #readState(): TrailState | undefined {
    let fd: number
    try {
      fd = this.#disk.openSync(
        join(this.path, identity_name),
        constants.O_RDONLY | constants.O_NOFOLLOW,
      )
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
    try {
      return parseState(this.#disk.readFileSync(fd, 'utf8'))
    } finally {
      this.#disk.closeSync(fd)
    }
  }

  #writeState(): void {
    const state: TrailState = { ...this.#required(), file: this.#last_number }
    const path = join(this.path, identity_name)
    const temporary = `${path}.${randomBytes(6).toString('hex')}`
    const fd = createExclusive(this.#disk, temporary, 0o600)
    try {
      writeAll(this.#disk, fd, Buffer.from(`${JSON.stringify(state)}\n`))
      this.#disk.fsyncSync(fd)
      this.#disk.renameSync(temporary, path)
    } catch (error) {
      this.#disk.unlinkSync(temporary)
      throw error
    } finally {
      this.#disk.closeSync(fd)
    }
    this.sync()
  }

  #required(): TrailIdentity {
    if (this.#identity === undefined) throw new Error('the directory has no identity yet')
    return this.#identity
  }
}

/** Reads `trail.id`; undefined when it is damaged, as a file that is not there. */
function parseState(text: string): TrailState | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { trail, epoch, file } = value as Partial<Record<keyof TrailState, unknown>>
  if (typeof trail !== 'string' || !/^[\w-]{8,64}$/.test(trail)) return undefined
  if (!isCount(epoch) || !isCount(file)) return undefined
  return { trail, epoch, file }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
