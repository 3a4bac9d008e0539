import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runVerify, writeLongTrail } from '../support/long-trail.js'

/** How fast `pgwitness verify` reads a trail that is in the system's cache. */
export interface VerifySpeed {
  readonly format: 'json' | 'csv'
  readonly bytes: number
  readonly records: number
  /** Best of the runs, the start of the process included. */
  readonly megabytes_per_second: number
  readonly cpu_seconds: number
  readonly max_rss_bytes: number
}

/** Writes a trail of this size in each format and verifies it a few times. Needs the build. */
export async function measureVerify(mebibytes = 1024, runs = 3): Promise<VerifySpeed[]> {
  const speeds: VerifySpeed[] = []
  for (const format of ['json', 'csv'] as const) {
    const directory = mkdtempSync(join(tmpdir(), 'pgwitness-verify-speed-'))
    try {
      const records = writeLongTrail(directory, format, mebibytes * 1024 * 1024)
      const bytes = readdirSync(directory)
        .filter((name) => name.endsWith('.log'))
        .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
      speeds.push({ format, bytes, records, ...(await bestOf(runs, directory, bytes)) })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return speeds
}

async function bestOf(
  runs: number,
  directory: string,
  bytes: number,
): Promise<Pick<VerifySpeed, 'megabytes_per_second' | 'cpu_seconds' | 'max_rss_bytes'>> {
  let best = { megabytes_per_second: 0, cpu_seconds: 0, max_rss_bytes: 0 }
  for (let run = 0; run < runs; run++) {
    const { status, stdout, seconds, cpu_seconds, max_rss_bytes } = await runVerify(directory)
    if (status !== 0) throw new Error(`verify ended with status ${status}:\n${stdout}`)
    const megabytes_per_second = bytes / 1e6 / seconds
    if (megabytes_per_second <= best.megabytes_per_second) continue
    best = { megabytes_per_second, cpu_seconds, max_rss_bytes }
  }
  return best
}
