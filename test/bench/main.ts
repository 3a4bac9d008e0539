import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { drawCurves } from './curves.js'
import { compareResults } from './parts/compare.js'
import { idleSessionsMax, measureIdle } from './parts/idle-memory.js'
import { measureCells, recordWarnings, say } from './parts/measure.js'
import { type BenchOptions, readOptions, usage } from './parts/options.js'
import { MachineLoad } from './parts/process-usage.js'
import { markdownReport, plainReport } from './parts/report.js'
import type { Cell, IdleMemory, Results } from './parts/results.js'
import { type Field, openField, server_source } from './parts/variants.js'
import { workloads } from './parts/workloads.js'
import { soak } from './soak.js'

/**
 * `npm run bench`: what pgwitness costs, beside what else could be used, on this machine. What is
 * compared is measured in turns within one run, since no two runs have the same machine.
 */

/** More than this used by others, and figures say more about them than about what is measured. */
const load_max = 0.1
const load_watch_ms = 1_000
/** What a short run leaves out unless it is asked for. */
const long_only: ReadonlySet<string> = new Set(['large-result'])
const warm_up_seconds = 1

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

/** Words of warning when the machine has other things to do. */
async function loadWarnings(when: string): Promise<readonly string[]> {
  const load = new MachineLoad()
  await sleep(load_watch_ms)
  const share = load.take()
  if (share === undefined || share <= load_max) return []
  const warning = `${when} others used ${Math.round(share * 100)} % of the processors: look at ratios only, or measure again`
  say(`WARNING: ${warning}`)
  return [warning]
}

async function measureAll(options: BenchOptions): Promise<Results> {
  const chosen = workloads.filter(({ name }) =>
    options.workloads.length === 0
      ? !options.quick || !long_only.has(name)
      : options.workloads.includes(name),
  )
  const measures_idle = options.workloads.length === 0 || options.workloads.includes('idle')
  const unknown = options.workloads.filter(
    (name) => name !== 'idle' && !workloads.some((workload) => workload.name === name),
  )
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(', ')}`)
  const warnings = [...(await loadWarnings('before the run'))]
  const sessions_max = measures_idle ? idleSessionsMax(options.idle_sessions) : 0
  const field = await openField(options, Math.max(...options.clients, sessions_max))
  try {
    if (field.variants.length === 0) throw new Error('no such variant, or none that can be had')
    for (const { name, how_to_get } of field.missing) say(`not measured: ${name} (${how_to_get})`)
    // First, since a process that has worked has room left for sessions.
    const idle = measures_idle ? await measureIdleSessions(field, options) : []
    for (const workload of chosen.filter(({ concurrent }) => concurrent)) {
      // Compiled code has no need of that; what V8 compiles gets faster for a while.
      const compiled_late = field.variants.filter(({ name }) => /^re(layi|cordi)ng/.test(name))
      for (const variant of compiled_late) await workload.run(variant, 8, warm_up_seconds)
    }
    const cells: Cell[] = []
    for (const workload of chosen) {
      for (const clients of workload.concurrent ? options.clients : [1]) {
        cells.push(...(await measureCells(field, workload, clients, options)))
      }
    }
    warnings.push(...recordWarnings(cells), ...(await loadWarnings('after the run')))
    return describe(options, field, cells, idle, warnings)
  } finally {
    await field.stop()
  }
}

async function measureIdleSessions(field: Field, { quick, idle_sessions }: BenchOptions) {
  const idle: IdleMemory[] = []
  for (const { name, service, environment } of field.variants) {
    // These sessions speak plainly.
    if (service === undefined || environment['PGSSLMODE'] !== undefined) continue
    if (quick && name !== 'recording') continue
    const measured = await measureIdle({ name, service }, idle_sessions)
    if (measured === undefined) continue
    idle.push(measured)
    say(`idle sessions, ${name}: ${(measured.bytes_per_session / 1024).toFixed(1)} KiB each`)
  }
  return idle
}

function describe(
  options: BenchOptions,
  field: Field,
  cells: readonly Cell[],
  idle: readonly IdleMemory[],
  warnings: readonly string[],
): Results {
  const { rounds, seconds, scale, fsync } = options
  return {
    made: new Date().toISOString(),
    machine: {
      processors: availableParallelism(),
      model: cpus()[0]?.model ?? 'unknown',
      memory_gib: Math.round(totalmem() / 1024 ** 3),
      kernel: release(),
      node: process.version,
      postgresql: `${field.servers.version} (${server_source})`,
    },
    settings: { rounds, seconds, scale, server_fsync: fsync },
    variants: Object.fromEntries(field.variants.map(({ name, title }) => [name, title])),
    missing: Object.fromEntries(field.missing.map(({ name, how_to_get }) => [name, how_to_get])),
    cells,
    idle,
    warnings,
  }
}

/** Gives the exit status: 1 when records were missing, or when something got worse. */
async function run(options: BenchOptions): Promise<number> {
  const before: Results | undefined =
    options.compare === undefined ? undefined : JSON.parse(readFileSync(options.compare, 'utf8'))
  const results = await measureAll(options)
  const changes = before === undefined ? undefined : compareResults(before, results)
  process.stdout.write(`${plainReport(results, changes)}\n`)
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(results, undefined, 1)}\n`)
  }
  if (options.markdown !== undefined) writeFileSync(options.markdown, markdownReport(results))
  const worse = changes?.some(({ verdict }) => verdict === 'worse') === true
  return worse || recordWarnings(results.cells).length > 0 ? 1 : 0
}

const options = readOptions(process.argv.slice(2))
if (options === undefined) process.stdout.write(usage)
else if (options.soak_minutes !== undefined) process.exitCode = await soak(options.soak_minutes)
else if (options.curves) process.exitCode = await drawCurves(options)
else process.exitCode = await run(options)
