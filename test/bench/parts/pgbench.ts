import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { runTool } from '../../support/client-tools.js'
import { usageFor, usageOf } from './process-usage.js'
import type { Run } from './results.js'
import { scratchDirectory } from './scratch.js'
import { pgbenchProgram } from './servers.js'
import { quantile } from './statistics.js'
import type { Variant } from './variant.js'

let scratch: string | undefined
let run_counter = 0

/** A name for the sessions of one run, by which the trail is asked for them. */
export function nextApplication(): string {
  run_counter++
  return `bench-${run_counter}`
}

/** A path in a directory for what the clients of a run read and write. */
export function scratchFile(name: string): string {
  scratch ??= scratchDirectory('workloads')
  return join(scratch, name)
}

/** Logins that are made in a second, on a machine that is not fast. */
const clients_a_second = 50

/** What pgbench itself says of a run. Source: printResults of pgbench.c. */
export function readPgbench(text: string): {
  readonly transactions: number
  readonly rate: number
} {
  const transactions = /^number of transactions actually processed: (\d+)/m.exec(text)?.[1]
  // It tells no rate where nothing was done at all: a second may be too short on a busy machine.
  const rate = transactions === '0' ? '0' : /^tps = ([\d.]+)/m.exec(text)?.[1]
  const failed = /^number of failed transactions: (\d+)/m.exec(text)?.[1] ?? '0'
  if (failed !== '0') throw new Error(`pgbench had failures: ${text}`)
  if (transactions === undefined || rate === undefined) throw new Error(`pgbench said: ${text}`)
  return { transactions: Number(transactions), rate: Number(rate) }
}

/** What pgbench is to do. */
export interface PgbenchRun {
  readonly flags: readonly string[]
  readonly clients: number
  readonly seconds: number
  /** Share of the transactions whose latency is written down. */
  readonly sampled: number
  /** Starts of the statements of a transaction, which the trail must hold. */
  readonly texts: readonly string[]
}

/** Runs pgbench through a variant and asks the trail, where there is one, whether it has it all. */
export async function runPgbench(variant: Variant, wishes: PgbenchRun): Promise<Run> {
  const application = nextApplication()
  const prefix = scratchFile(application)
  const { clients } = wishes
  const { service } = variant
  const threads = Math.min(clients, Math.max(1, Math.floor(availableParallelism() / 2)))
  // Its clock runs while it connects, though its rate does not count that.
  const connecting_s = Math.floor(clients / clients_a_second)
  const line = [
    ...['-n', '-h', '127.0.0.1', '-p', `${variant.port}`, '-U', 'postgres'],
    ...['-c', `${clients}`, '-j', `${threads}`, '-T', `${wishes.seconds + connecting_s}`],
    ...['--log', `--log-prefix=${prefix}`, `--sampling-rate=${wishes.sampled}`],
    ...[...wishes.flags, 'postgres'],
  ]
  const environment = { PGAPPNAME: application, PGSSLMODE: 'disable', ...variant.environment }
  const before = service === undefined ? undefined : usageOf(service.pid)
  const ended = await runTool(pgbenchProgram(), line, environment)
  const after = service === undefined ? undefined : usageOf(service.pid)
  service?.assertAlive()
  if (ended.code !== 0) throw new Error(`pgbench through ${variant.name}: ${ended.stderr}`)
  const { transactions, rate } = readPgbench(ended.stdout)
  const expected = transactions * wishes.texts.length
  return {
    rate,
    transactions,
    ...latencies(prefix),
    ...(service === undefined ? {} : usageFor(service.pid, [before, after], transactions)),
    ...(await recorded(variant, { application, texts: wishes.texts, count: expected })),
  }
}

/** Asks the trail of a variant, where it keeps one, for the statements of a run. */
export async function recorded(
  { trail }: Variant,
  wanted: Parameters<NonNullable<Variant['trail']>['expect']>[0],
): Promise<Pick<Run, 'recorded'>> {
  if (trail === undefined) return {}
  return { recorded: { found: await trail.expect(wanted), expected: wanted.count } }
}

/** Source: pgbench's documentation, "Per-Transaction Logging": the third column, in µs. */
function latencies(prefix: string): Pick<Run, 'p50_us' | 'p99_us'> {
  const directory = dirname(prefix)
  const files = readdirSync(directory).filter((name) => name.startsWith(`${basename(prefix)}.`))
  const times: number[] = []
  for (const name of files) {
    const file = join(directory, name)
    for (const line of readFileSync(file, 'latin1').split('\n')) {
      const time = line.split(' ', 3)[2]
      if (time !== undefined) times.push(Number(time))
    }
    rmSync(file)
  }
  if (times.length === 0) return {}
  times.sort((a, b) => a - b)
  return { p50_us: quantile(times, 0.5), p99_us: quantile(times, 0.99) }
}
