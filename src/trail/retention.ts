import type { AuditFileName } from './file-name.js'
import type { RetainOptions } from './trail-options.js'

/** A file of the trail and its size. */
export interface StoredFile extends AuditFileName {
  readonly bytes: number
}

/** A file that may go, and why. */
export interface ExpiredFile extends StoredFile {
  readonly reason: 'age' | 'files' | 'size'
}

/**
 * Which files the retention lets go, the oldest first. `files` is in the order of the numbers and
 * its last is the open one, which always stays. A file is as old as its last record, which came
 * before its successor was opened. Nothing goes that was not asked for.
 */
export function expiredFiles(
  files: readonly StoredFile[],
  retain: RetainOptions,
  now_ms: number,
): ExpiredFile[] {
  const expired: ExpiredFile[] = []
  let count = files.length
  let total_bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  for (const [index, file] of files.entries()) {
    const successor = files[index + 1]
    if (successor === undefined) break
    const reason = reasonToExpire(retain, now_ms - successor.created_ms, count, total_bytes)
    // A file behind one that stays also stays: the trail never gets holes.
    if (reason === undefined) break
    expired.push({ ...file, reason })
    count--
    total_bytes -= file.bytes
  }
  return expired
}

function reasonToExpire(
  retain: RetainOptions,
  closed_for_ms: number,
  count: number,
  total_bytes: number,
): ExpiredFile['reason'] | undefined {
  if (retain.age_ms !== undefined && closed_for_ms > retain.age_ms) return 'age'
  if (retain.files !== undefined && count > retain.files) return 'files'
  if (retain.size_bytes !== undefined && total_bytes > retain.size_bytes) return 'size'
  return undefined
}
