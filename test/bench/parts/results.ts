import { ratioOf, type Spread, spreadOf } from './statistics.js'

/** One measurement of one variant in one round. */
export interface Run {
  /** Transactions or mebibytes in a second. */
  readonly rate: number
  readonly transactions: number
  readonly p50_us?: number
  readonly p99_us?: number
  /** Processor time of what stands between client and server, for each transaction or mebibyte. */
  readonly cpu_us?: number
  /** The share of its first thread, where it is Node: that one relays. */
  readonly main_cpu_us?: number
  /** Statements in the trail, and how many there had to be. */
  readonly recorded?: { readonly found: number; readonly expected: number }
}

/** All rounds of a variant under a workload. */
export interface Cell {
  readonly workload: string
  readonly clients: number
  readonly variant: string
  readonly unit: 'tx/s' | 'MiB/s'
  readonly runs: readonly Run[]
}

/** Memory that idle sessions take. */
export interface IdleMemory {
  readonly variant: string
  readonly sessions: number
  readonly bytes_per_session: number
}

/** What was measured on which machine: the file of `--json`. */
export interface Results {
  readonly made: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** Variants by name: what they are. */
  readonly variants: Readonly<Record<string, string>>
  /** Variants that could not be measured, and how to get them. */
  readonly missing: Readonly<Record<string, string>>
  readonly cells: readonly Cell[]
  readonly idle: readonly IdleMemory[]
  /** Spoiled measurements, in words. */
  readonly warnings: readonly string[]
}

export function findCell(
  results: Pick<Results, 'cells'>,
  workload: string,
  clients: number,
  variant: string,
): Cell | undefined {
  return results.cells.find(
    (cell) => cell.workload === workload && cell.clients === clients && cell.variant === variant,
  )
}

/** A figure of all rounds, where all have it. */
export function figures(cell: Cell, key: 'rate' | 'p50_us' | 'p99_us' | 'cpu_us' | 'main_cpu_us') {
  return spreadOf(cell.runs.flatMap((run) => run[key] ?? []))
}

/** Throughput of a variant against another under the same workload. */
export function throughputRatio(
  results: Pick<Results, 'cells'>,
  cell: Pick<Cell, 'workload' | 'clients' | 'variant'>,
  base: string,
): Spread | undefined {
  const own = findCell(results, cell.workload, cell.clients, cell.variant)
  const against = findCell(results, cell.workload, cell.clients, base)
  if (own === undefined || against === undefined) return undefined
  return ratioOf(
    own.runs.map(({ rate }) => rate),
    against.runs.map(({ rate }) => rate),
  )
}
