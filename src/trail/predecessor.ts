import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { basename, join } from 'node:path'
import type { AuditDirectory } from './audit-directory.js'
import { createExclusive, type Disk, writeAll } from './disk.js'
import { lastSealIn } from './read-audit-line.js'
import { RecordScanner } from './record-scanner.js'
import type { Seal } from './seal.js'
import type { Predecessor } from './trail-file.js'
import type { TrailIdentity } from './trail-options.js'
import { errnoOf } from './write-failure.js'

const chunk_bytes = 1024 * 1024

/** The first part of a line is enough to read its head: trail, epoch and seq stand first. */
const line_head_bytes = 256

/** Torn ends of one file that are kept beside each other before the start is refused. */
const torn_attempts = 16

/** What a former writer left behind. */
export interface Legacy {
  /** The newest file that holds anything, as its successor names it. */
  readonly previous?: Predecessor
  /** Files behind it that hold nothing: created, and the power failed. */
  readonly empty: readonly string[]
  /** The end of a record that was cut short, moved out of that file. */
  readonly torn?: TornEnd
  /** Why the newest file could not be read, as the system's name for the error. */
  readonly unreadable?: string
  /** Trail and epoch of its last record or, in CSV, of its last seal, where it shows them. */
  readonly identity?: TrailIdentity
  /** Start and number of that record. */
  readonly last_record?: RecordNumber
  /** Hash of the last seal in the files, where one could be read. */
  readonly seal_hash?: string
}

/** Which record of a trail it is. */
interface RecordNumber {
  readonly epoch: number
  readonly seq: number
}

export interface TornEnd {
  /** The file that it was the end of, perhaps all that was in it. */
  readonly of: string
  /** The file that it was moved to. */
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** Finds the newest file and brings its end in order. Throws the system's error when it cannot. */
export function takeLegacy(directory: AuditDirectory, file_mode: number, disk: Disk): Legacy {
  const empty: string[] = []
  let torn: TornEnd | undefined
  const files = directory.storedFiles().reverse()
  for (const [index, file] of files.entries()) {
    if (file.bytes === 0) {
      empty.push(file.name)
      continue
    }
    const examined = examine(directory.path, file, file_mode, disk)
    torn ??= examined.torn
    if (examined.previous?.bytes === 0) {
      // The writer died within the first record of the file: the one before it is the last.
      empty.push(file.name)
      continue
    }
    const found = { ...examined, ...(torn !== undefined && { torn }) }
    if (found.seal_hash !== undefined) return { ...found, empty }
    const seal_hash = olderSeal(directory.path, files.slice(index + 1), disk)
    return { ...found, empty, ...(seal_hash !== undefined && { seal_hash }) }
  }
  return { empty, ...(torn !== undefined && { torn }) }
}

/** A writer that died young left a file without a seal: the chain goes on from one before. */
function olderSeal(
  directory: string,
  files: readonly { readonly name: string }[],
  disk: Disk,
): string | undefined {
  for (const { name } of files) {
    try {
      const { seal_hash } = scanFile(join(directory, name), disk)
      if (seal_hash !== undefined) return seal_hash
    } catch (error) {
      if (errnoOf(error) !== 'EACCES') throw error
      return undefined
    }
  }
  return undefined
}

function examine(
  directory: string,
  file: { readonly name: string; readonly bytes: number },
  file_mode: number,
  disk: Disk,
): Omit<Legacy, 'empty'> {
  const path = join(directory, file.name)
  let scan: FileScan
  try {
    scan = scanFile(path, disk)
  } catch (error) {
    // A file_mode without the owner's read bit is a legitimate choice: go on without the hash.
    if (errnoOf(error) !== 'EACCES') throw error
    return { previous: { file: file.name, bytes: file.bytes }, unreadable: errnoOf(error) }
  }
  const torn = scan.torn.length > 0 ? moveTorn(path, scan, file_mode, disk) : undefined
  // What the successor vouches for must not be lost with the power behind it.
  if (torn === undefined) syncFile(path, disk)
  return {
    previous: { file: file.name, bytes: scan.bytes, sha256: scan.sha256 },
    ...(torn !== undefined && { torn }),
    ...scan.last,
    ...(scan.seal_hash !== undefined && { seal_hash: scan.seal_hash }),
  }
}

function syncFile(path: string, disk: Disk): void {
  const fd = disk.openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    disk.fsyncSync(fd)
  } finally {
    disk.closeSync(fd)
  }
}

interface FileScan {
  /** Bytes of whole records, and their hash. */
  readonly bytes: number
  readonly sha256: string
  /** What stands behind them. */
  readonly torn: Buffer
  readonly last: Pick<Legacy, 'identity' | 'last_record'>
  readonly seal_hash: string | undefined
}

function scanFile(path: string, disk: Disk): FileScan {
  const fd = disk.openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const scanner = new RecordScanner()
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(chunk_bytes)
  let bytes = 0
  let rest: Buffer[] = []
  let last_line = Buffer.alloc(0)
  let seal: Seal | undefined
  try {
    for (let count = 1; count > 0; ) {
      count = disk.readSync(fd, chunk, 0, chunk.length, null)
      const part = chunk.subarray(0, count)
      const ends = scanner.ends(part)
      const end = ends.at(-1)
      if (end === undefined) {
        rest.push(Buffer.from(part))
        continue
      }
      const whole = Buffer.concat([...rest, part.subarray(0, end)])
      hash.update(whole)
      bytes += whole.length
      const shift = whole.length - end
      const whole_ends = ends.map((one) => one + shift)
      seal = lastSealIn(whole, whole_ends, scanner.format ?? 'json') ?? seal
      const before_last = ends.at(-2)
      const last = before_last === undefined ? whole : part.subarray(before_last, end)
      last_line = Buffer.from(last.subarray(0, line_head_bytes))
      rest = [Buffer.from(part.subarray(end))]
    }
  } finally {
    disk.closeSync(fd)
  }
  // CSV records do not say whose they are, but seals do.
  const last = scanner.format === 'json' ? headOf(last_line.toString('latin1')) : ownerOf(seal)
  const torn = Buffer.concat(rest)
  return { bytes, sha256: hash.digest('hex'), torn, last, seal_hash: seal?.hash }
}

function ownerOf(seal: Seal | undefined): FileScan['last'] {
  return seal === undefined ? {} : { identity: { trail: seal.trail, epoch: seal.epoch } }
}

/** Reads the head of a JSON record, whose keys stand in a fixed order. */
function headOf(line: string): FileScan['last'] {
  const match = /^\{"v":1,"trail":"([\w-]{8,64})","epoch":(\d{1,15}),"seq":(\d{1,15}),/.exec(line)
  const [, trail, ...numbers] = match ?? []
  const [epoch = 0, seq = 0] = numbers.map(Number)
  return trail === undefined ? {} : { identity: { trail, epoch }, last_record: { epoch, seq } }
}

/** Moves the bytes behind the last whole record to a file of their own, then cuts them off. */
function moveTorn(path: string, scan: FileScan, file_mode: number, disk: Disk): TornEnd {
  const { torn_path, fd: torn_fd } = createTorn(path, file_mode, disk)
  try {
    writeAll(disk, torn_fd, scan.torn)
    disk.fsyncSync(torn_fd)
  } catch (error) {
    // On a full disk every further start would leave one more, until their names are used up.
    disk.unlinkSync(torn_path)
    throw error
  } finally {
    disk.closeSync(torn_fd)
  }
  const fd = disk.openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    disk.ftruncateSync(fd, scan.bytes)
    disk.fsyncSync(fd)
  } finally {
    disk.closeSync(fd)
  }
  return {
    of: basename(path),
    file: basename(torn_path),
    bytes: scan.torn.length,
    sha256: createHash('sha256').update(scan.torn).digest('hex'),
  }
}

/** A start that was cut short right here has left a torn file already: it is kept. */
function createTorn(
  path: string,
  file_mode: number,
  disk: Disk,
): { readonly torn_path: string; readonly fd: number } {
  for (let attempt = 1; ; attempt++) {
    const torn_path = attempt === 1 ? `${path}.torn` : `${path}.torn-${attempt}`
    try {
      return { torn_path, fd: createExclusive(disk, torn_path, file_mode) }
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || attempt === torn_attempts) throw error
    }
  }
}
