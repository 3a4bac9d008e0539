import fs from 'node:fs'

/** The system calls of the trail, in one place so that a test can make one of them fail. */
export type Disk = Pick<
  typeof fs,
  | 'chmodSync'
  | 'closeSync'
  | 'fchmodSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'lstatSync'
  | 'openSync'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'symlinkSync'
  | 'unlinkSync'
> & {
  writeSync(fd: number, bytes: Uint8Array, from: number, length: number): number
}

/** The real ones. */
export const real_disk: Disk = fs

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
