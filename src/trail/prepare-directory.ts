import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { WitnessError } from '../errors.js'
import type { TrailOptions } from './trail-options.js'

/** Bits by which others than the owner may create and remove files. */
const write_by_others = 0o022

/**
 * Makes the directory when it is missing, with its mode whatever the umask. Returns what is wrong
 * with the mode of one that was there, if anything: it may be shared on purpose, so it is only
 * reported. Throws `trail.directory`.
 */
export function prepareDirectory(
  options: Pick<TrailOptions, 'directory' | 'directory_mode'>,
): string | undefined {
  const { directory, directory_mode } = options
  try {
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) {
      chmodSync(directory, directory_mode)
      return undefined
    }
    const { mode } = statSync(directory)
    if ((mode & write_by_others) === 0) return undefined
    const octal = (mode & 0o7777).toString(8).padStart(4, '0')
    return `others than its owner may write to the audit directory (mode ${octal})`
  } catch (cause) {
    const reason = reasonOf(cause)
    const message = `the audit directory ${directory} cannot be used: ${reason}`
    throw new WitnessError('trail.directory', message, { cause })
  }
}

/** `mkdir` says `file already exists` of a directory that is a file. */
function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EEXIST' || code === 'ENOTDIR') return 'it, or what it stands in, is no directory'
  return cause instanceof Error ? cause.message : String(cause)
}
