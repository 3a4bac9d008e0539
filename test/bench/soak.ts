import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './parts/measure.js'
import { readOptions } from './parts/options.js'
import { memoryOf } from './parts/process-usage.js'
import { spreadOf } from './parts/statistics.js'
import { openField } from './parts/variants.js'
import { selects, tpcb } from './parts/workloads.js'

/** `npm run bench -- --soak 60`: does memory stay where it is? */

const clients = 16
const sample_ms = 1_000
const longest_run_seconds = 20
/** Memory may grow by so much between the fifth eighth of the time and the last. */
const growth_max = 0.15

/**
 * Loads one process with changing workloads and sessions for so long, and compares its memory in
 * the last eighth of the time with that in the fifth: until then the queue of records has been gone
 * through once, and caches are full. Every record is counted. Gives the exit status: 1 when memory
 * grew, or when records were missing.
 */
export async function soak(minutes: number): Promise<number> {
  const options = readOptions(['--only', '/recording', '--scale', '5'])
  if (options === undefined) throw new Error('no options')
  const field = await openField(options, clients)
  const [variant] = field.variants
  const service = variant?.service
  if (variant === undefined || service === undefined) throw new Error('nothing to load')
  const samples: { readonly at_ms: number; readonly bytes: number }[] = []
  const begun_ms = performance.now()
  const end_ms = begun_ms + minutes * 60_000
  const over = new AbortController()
  const sampling = sample(service.pid, begun_ms, samples, over.signal)
  let wrong = 0
  let transactions = 0
  try {
    const load = [selects('simple', 'simple'), selects('prepared', 'prepared'), tpcb]
    for (let round = 0; performance.now() < end_ms; round++) {
      const workload = load[round % load.length]
      const left_seconds = Math.ceil((end_ms - performance.now()) / 1000)
      const run = await workload?.run(variant, clients, Math.min(left_seconds, longest_run_seconds))
      transactions += run?.transactions ?? 0
      if (run?.recorded !== undefined && run.recorded.found !== run.recorded.expected) wrong++
      const bytes = samples.at(-1)?.bytes ?? 0
      const elapsed_s = (performance.now() - begun_ms) / 1000
      say(`${elapsed_s.toFixed(0)} s: ${transactions} transactions, ${mib(bytes)}`)
    }
  } finally {
    over.abort()
    await sampling
    await field.stop()
  }
  const share = (from: number, to: number) =>
    spreadOf(
      samples
        .filter(({ at_ms }) => at_ms >= from * minutes * 60_000 && at_ms < to * minutes * 60_000)
        .map(({ bytes }) => bytes),
    )?.median ?? Number.NaN
  const before = share(0.5, 0.625)
  const after = share(0.875, 1)
  process.stdout.write(
    `memory in the fifth eighth ${mib(before)}, in the last ${mib(after)}, ` +
      `${transactions} transactions, ${wrong} runs with missing or surplus records\n`,
  )
  return wrong === 0 && after <= before * (1 + growth_max) ? 0 : 1
}

async function sample(
  pid: number,
  begun_ms: number,
  samples: { readonly at_ms: number; readonly bytes: number }[],
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    const bytes = memoryOf(pid)
    if (bytes === undefined) throw new Error('no memory to be seen: this needs Linux')
    samples.push({ at_ms: performance.now() - begun_ms, bytes })
    await sleep(sample_ms)
  }
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
