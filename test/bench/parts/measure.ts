import type { BenchOptions } from './options.js'
import type { Cell, Run } from './results.js'
import type { Variant } from './variant.js'
import type { Field } from './variants.js'
import type { Workload } from './workload.js'

/** How far it is, beside the report. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Measures one workload with one number of clients; every round has every variant once. */
export async function measureCells(
  field: Field,
  workload: Workload,
  clients: number,
  options: BenchOptions,
): Promise<readonly Cell[]> {
  const runs = new Map<Variant, Run[]>(field.variants.map((variant) => [variant, []]))
  const rounds = options.quick && !workload.concurrent ? 1 : options.rounds
  for (let round = 0; round < rounds; round++) {
    // Who comes first changes, so that nobody always comes behind the same neighbour.
    const order = [...field.variants.slice(round), ...field.variants.slice(0, round)]
    for (const variant of order) {
      const run = await workload.run(variant, clients, options.seconds)
      runs.get(variant)?.push(run)
      say(progress(workload, clients, variant, round, run))
    }
    field.servers.discardLogs()
  }
  return field.variants.map((variant) => ({
    workload: workload.name,
    clients,
    variant: variant.name,
    unit: workload.unit,
    runs: runs.get(variant) ?? [],
  }))
}

function progress(
  workload: Workload,
  clients: number,
  variant: Variant,
  round: number,
  { rate, cpu_us, recorded }: Run,
): string {
  const place = `${workload.name}/${clients} round ${round + 1} ${variant.name}`
  const cpu = cpu_us === undefined ? '' : `, ${cpu_us.toFixed(1)} µs`
  const found = recorded === undefined ? '' : `, ${recorded.found} of ${recorded.expected} recorded`
  return `${place}: ${rate.toFixed(0)} ${workload.unit}${cpu}${found}`
}

/** What the trail lacks, or has too much of. */
export function recordWarnings(cells: readonly Cell[]): readonly string[] {
  return cells.flatMap(({ workload, clients, variant, runs }) =>
    runs
      .filter(({ recorded }) => recorded !== undefined && recorded.found !== recorded.expected)
      .map(
        ({ recorded }) =>
          `${variant} recorded ${recorded?.found} of ${recorded?.expected} statements (${workload}, ${clients} clients)`,
      ),
  )
}
