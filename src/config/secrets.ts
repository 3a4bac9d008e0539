import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { accepted, type Parsed, refused } from './parsed.js'

const printed_length_max = 80

/**
 * A value as an error message shows it: JSON, shortened, with the passwords of URLs and
 * connection strings taken out wherever they stand.
 */
export function printable(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = maskSecrets(JSON.stringify(value) ?? String(value))
  return text.length > printed_length_max ? `${text.slice(0, printed_length_max - 1)}…` : text
}

/** Takes passwords out of URLs (`//user:secret@`) and `password=secret` pairs. */
export function maskSecrets(text: string): string {
  return text
    .replaceAll(/(:\/\/[^\s/:@"]*):[^\s"]*@/g, '$1:…@')
    .replaceAll(/(pass(?:word|wd|phrase)?\s*[=:]\s*)[^\s&"]+/gi, '$1…')
}

/** True for keys whose values are never printed, known or mistyped. */
export function isSecretName(name: string): boolean {
  return /pass|secret|token|credential|(?:^|[_.])pw/i.test(name) && !/_file$/i.test(name)
}

const ownership_hint =
  'It must belong to this user with mode 0600, or to root with mode 0640, as PostgreSQL asks.'

/**
 * Reads a file that holds a secret. As in PostgreSQL's check_ssl_key_file_permissions
 * (be-secure-common.c) others may not read it. Reads what it checked: one descriptor for both.
 */
export function readSecretFile(path: string): Parsed<string> {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return refused(`cannot be read: ${errorText(error)}`, 'Check the path and its permissions.')
  }
  try {
    const problem = permissionProblem(fstatSync(descriptor))
    return problem === undefined
      ? accepted(readFileSync(descriptor, 'utf8'))
      : refused(problem, ownership_hint)
  } finally {
    closeSync(descriptor)
  }
}

function permissionProblem(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'is not a regular file'
  const own_uid = process.geteuid?.()
  // Systems without user ids have no such permissions to look at.
  if (own_uid === undefined) return undefined
  if (stats.uid !== own_uid && stats.uid !== 0) return 'belongs to another user'
  const forbidden_mode = stats.uid === 0 ? 0o037 : 0o077
  if ((stats.mode & forbidden_mode) !== 0) {
    return `can be read or changed by others (mode ${(stats.mode & 0o777).toString(8).padStart(4, '0')})`
  }
  return undefined
}

/** The system's own words for a failed call. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
