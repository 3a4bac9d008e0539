import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../lib/limits.js'
import { type AuditFileName, auditFiles } from '../trail/file-name.js'
import { type FollowedLine, followTrail } from '../trail/follow-trail.js'

/** Where to begin: at a file, and with which of the wanted records in it. */
export interface TailStart {
  readonly first_number: number
  /** Wanted records of that file, and those behind it, that are passed over. */
  readonly skipped: number
  /** True when older files were left unread, though fewer records were found than asked for. */
  readonly cut_short: boolean
}

/** File names hold whole seconds. */
const name_resolution_ms = 1_000

/**
 * Finds where the last so many wanted records begin, from the newest file backwards, or where those
 * of a time on do. A file ends before the one behind it was created, so its name tells.
 */
export async function findStart(
  directory: string,
  wanted: (line: FollowedLine) => boolean,
  lines: number,
  since_ms: number | undefined,
  signal: AbortSignal,
): Promise<TailStart> {
  const files = auditFiles(await readdir(directory))
  const recent = since_ms === undefined ? files : files.slice(firstSince(files, since_ms))
  const first_number = recent[0]?.number ?? 0
  if (lines === Number.POSITIVE_INFINITY) return { first_number, skipped: 0, cut_short: false }
  let found = 0
  let bytes = 0
  for (const file of recent.toReversed()) {
    found += await countWanted(directory, file, wanted, signal)
    bytes += await sizeOf(join(directory, file.name))
    const cut_short = since_ms === undefined && bytes > limits.history_searched_bytes
    if (found >= lines || cut_short) {
      const skipped = Math.max(0, found - lines)
      const is_first = file.number === first_number
      return {
        first_number: file.number,
        skipped,
        cut_short: cut_short && found < lines && !is_first,
      }
    }
  }
  return { first_number, skipped: 0, cut_short: false }
}

function firstSince(files: readonly AuditFileName[], since_ms: number): number {
  const index = files.findIndex((_, at) => {
    const successor = files[at + 1]
    return successor === undefined || successor.created_ms + name_resolution_ms > since_ms
  })
  return Math.max(0, index)
}

async function countWanted(
  directory: string,
  file: AuditFileName,
  wanted: (line: FollowedLine) => boolean,
  signal: AbortSignal,
): Promise<number> {
  const options = { directory, first_number: file.number, last_number: file.number }
  let count = 0
  for await (const line of followTrail({ ...options, follow: false, signal })) {
    if (wanted(line)) count++
  }
  return count
}

async function sizeOf(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => undefined)
  return stat?.size ?? 0
}
