import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renderCsv } from '../../src/record/csv-format.js'
import { renderJson } from '../../src/record/json-format.js'
import { trailOptions, WriterHarness } from '../trail/trail-fixture.js'

const mebibyte = 1024 * 1024

/** Of the process: its resource usage is told when all else is said. */
const tell_usage =
  'data:text/javascript,process.on("exit",()=>process.stderr.write("\\nusage "+JSON.stringify(process.resourceUsage())))'

/** A statement of pgbench's TPC-B, as it is recorded a million times. */
function recordOf(n: number) {
  return {
    time_us: Date.UTC(2026, 10, 22) * 1000 + n,
    class: 'WRITE',
    command: 'UPDATE',
    outcome: 'success',
    sqlstate: '00000',
    rows: 1,
    duration_us: 512,
    rules: ['all'],
    statement: {
      uid: `12.${n}`,
      id: n,
      protocol: 'extended',
      text: 'UPDATE pgbench_accounts SET abalance = abalance + $1, filler = $3 WHERE aid = $2;',
    },
    parameters: ['-1205', '77002', 'a text, "quoted"'],
  } as const
}

/** Writes a sealed trail of about this many bytes, in files of 100 MiB. Gives its records. */
export function writeLongTrail(directory: string, format: 'json' | 'csv', bytes: number): number {
  const options = trailOptions(directory, {
    format,
    rotate: { age_ms: 0, size_bytes: 100 * mebibyte },
    queue_bytes: 16 * mebibyte,
  })
  const harness = new WriterHarness(options).start()
  let records = 0
  for (let written = 0; written < bytes; ) {
    const record = recordOf(++records)
    const text = format === 'json' ? renderJson(record, 'test') : renderCsv(record, 'UTC')
    written += Buffer.byteLength(text)
    while (!harness.queue.append(text)) harness.flush()
  }
  harness.close()
  return records
}

/** A verification in a process of its own. */
export interface VerifyRun {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
  /** Time of all its threads on a processor. */
  readonly cpu_seconds: number
  readonly max_rss_bytes: number
}

/** Runs `pgwitness verify` from the build, without a key. */
export async function runVerify(directory: string): Promise<VerifyRun> {
  const began_ms = performance.now()
  const child = spawn(
    process.execPath,
    ['--import', tell_usage, 'dist/main.js', 'verify', directory, '--unsigned', '--progress'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text
  })
  const [status] = await once(child, 'close')
  const seconds = (performance.now() - began_ms) / 1000
  const [stderr = '', usage_text = '{}'] = said.stderr.split('\nusage ')
  const usage: NodeJS.ResourceUsage = JSON.parse(usage_text)
  return {
    status: Number(status),
    stdout: said.stdout,
    stderr,
    seconds,
    cpu_seconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    max_rss_bytes: usage.maxRSS * 1024,
  }
}
