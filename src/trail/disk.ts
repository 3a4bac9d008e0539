import fs from 'node:fs'
import type { ControlWords, Place } from './control-words.js'

/** The system calls of the trail, in one place so that a test can make one of them fail. */
export type Disk = Pick<typeof fs, Exclude<(typeof disk_calls)[number], 'writeSync'>> & {
  writeSync(fd: number, bytes: Uint8Array, from: number, length: number): number
}

const disk_calls = [
  'chmodSync',
  'closeSync',
  'fchmodSync',
  'fstatSync',
  'fsyncSync',
  'ftruncateSync',
  'lstatSync',
  'mkdirSync',
  'openSync',
  'readFileSync',
  'readSync',
  'readdirSync',
  'renameSync',
  'statfsSync',
  'symlinkSync',
  'unlinkSync',
  'writeSync',
] as const

/** The real ones. */
export const real_disk: Disk = fs

/**
 * The same system calls, each announced in the shared memory: a writer that comes back from one
 * too late throws a FencedError before it touches anything that another one has taken over.
 */
export function fencedDisk(
  disk: Disk,
  control: ControlWords,
  generation: number,
  place: Place,
): Disk {
  const fenced = <Args extends unknown[], Result>(call: () => (...args: Args) => Result) => {
    return (...args: Args): Result => {
      control.enterCall(generation, place)
      try {
        return call()(...args)
      } finally {
        control.leaveCall(generation, place)
      }
    }
  }
  const names = disk_calls.map((name) => [name, fenced(() => disk[name] as never)])
  return Object.fromEntries(names)
}

/** Makes a directory's entries durable: a new name is lost with the power until this is done. */
export function syncDirectory(disk: Disk, path: string): void {
  const fd = disk.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  try {
    disk.fsyncSync(fd)
  } finally {
    disk.closeSync(fd)
  }
}

/** Opens a file that must not be there yet, never through a link, with this very mode. */
export function createExclusive(disk: Disk, path: string, mode: number): number {
  const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants
  const fd = disk.openSync(path, O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode)
  try {
    // The mode of open is cut by the umask and may lose bits that were asked for.
    disk.fchmodSync(fd, mode)
    return fd
  } catch (error) {
    disk.closeSync(fd)
    disk.unlinkSync(path)
    throw error
  }
}

/** Writes all the bytes or throws; `done` is told how many were written, also before a throw. */
export function writeAll(
  disk: Disk,
  fd: number,
  bytes: Uint8Array,
  done: (written: number) => void = () => undefined,
): void {
  let written = 0
  while (written < bytes.length) {
    const count = disk.writeSync(fd, bytes, written, bytes.length - written)
    if (count === 0) throw new Error('the system took no byte and named no error')
    written += count
    done(written)
  }
}
