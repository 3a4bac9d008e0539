import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Findings } from './findings.js'

/** What an `audit.recovered` record says of an end that was moved to a file of its own. */
export interface TornClaim {
  readonly of: string
  readonly file: unknown
  readonly bytes: unknown
  readonly sha256: unknown
}

const torn_name = /^audit-[\w-]+\.log\.torn(-\d+)?$/

/** Whether the ends that crashes have cut short are still what they were when they were moved. */
export async function checkTorn(
  directory: string,
  claims: readonly TornClaim[],
  findings: Findings,
): Promise<void> {
  for (const { of, file, bytes, sha256 } of claims) {
    if (typeof file !== 'string' || !torn_name.test(file)) continue
    // Both go together when retention removes them.
    if (!(await exists(join(directory, of)))) continue
    const hash = await hashOf(join(directory, file))
    if (hash === sha256) {
      const text = `the end of a record of ${of}, cut short by a crash (${String(bytes)} bytes)`
      findings.add({ kind: 'note', file, text })
    } else {
      const what = hash === undefined ? 'is missing' : 'was altered'
      const text = `the torn end of ${of} ${what}`
      findings.add({ kind: 'altered', file, text })
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

async function hashOf(path: string): Promise<string | undefined> {
  if (!(await exists(path))) return undefined
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
