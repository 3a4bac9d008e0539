import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a test's own, mounted. */
export interface ScratchFileSystem {
  readonly path: string
  /** What `mount -o remount` is given: `ro`, `rw`, `size=…`. */
  remount(options: string): void
  /** Every write to it waits from now on, as on a server that does not answer (ext4 alone). */
  freeze(): void
  unfreeze(): void
  /** Fills it to its last byte. */
  fill(): void
  /** Gives back what `fill` has taken. */
  empty(): void
  unmount(): void
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: 'ignore' })
}

function succeeds(attempt: () => void): boolean {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

/** A tmpfs of this size, such as `512k`. */
export function mountTmpfs(size: string, more = ''): ScratchFileSystem {
  const path = mkdtempSync(join(tmpdir(), 'pgwitness-tmpfs-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${size}${more}`, 'tmpfs', path)
  return mounted(path, () => {})
}

/** An ext4 in a file of `mib` MiB, which lies in `backing` and takes room there as it is written to. */
export function mountExt4(mib: number, backing = tmpdir()): ScratchFileSystem {
  const scratch = mkdtempSync(join(backing, 'pgwitness-ext4-'))
  const image = join(scratch, 'image')
  const path = mkdtempSync(join(tmpdir(), 'pgwitness-mount-'))
  writeFileSync(image, '')
  run('truncate', '-s', `${mib}M`, image)
  run('mkfs.ext4', '-q', '-F', image)
  run('mount', '-o', 'loop', image, path)
  return mounted(path, () => rmSync(scratch, { recursive: true, force: true }))
}

function mounted(path: string, removed: () => void): ScratchFileSystem {
  let frozen = false
  const filler = join(path, 'filler')
  const file_system: ScratchFileSystem = {
    path,
    remount: (options) => run('mount', '-o', `remount,${options}`, path),
    freeze() {
      run('fsfreeze', '-f', path)
      frozen = true
    },
    unfreeze() {
      if (frozen) run('fsfreeze', '-u', path)
      frozen = false
    },
    fill() {
      const piece = Buffer.alloc(4096)
      try {
        for (;;) writeFileSync(filler, piece, { flag: 'a' })
      } catch (error) {
        if (!(error instanceof Error && 'code' in error) || error.code !== 'ENOSPC') throw error
      }
    },
    empty: () => rmSync(filler, { force: true }),
    unmount() {
      file_system.unfreeze()
      run('umount', '-l', path)
      rmSync(path, { recursive: true, force: true })
      removed()
    },
  }
  return file_system
}

/** True where this user may mount a tmpfs. */
export const tmpfs_works: boolean = succeeds(() => mountTmpfs('64k').unmount())

/** True where this user may mount a file as ext4 and stop its writes. */
export const freezing_works: boolean = succeeds(() => {
  const file_system = mountExt4(8)
  try {
    file_system.freeze()
  } finally {
    file_system.unmount()
  }
})
