import { type Results, throughputRatio } from './results.js'
import type { Spread } from './statistics.js'

/** An aim, and what became of it. */
export interface AimOutcome {
  readonly aim: string
  readonly wanted: string
  readonly seen: string
  readonly verdict: 'met' | 'nearly' | 'missed' | 'not measured'
}

/** Throughput of `variant` divided by that of `base`, at least `first`, and `later` one day. */
interface RatioAim {
  readonly aim: string
  readonly variant: string
  readonly base: string
  /** Which measurements count; clients undefined: any number. */
  readonly where: readonly { readonly workload: string; readonly clients?: readonly number[] }[]
  readonly first: number
  readonly later: number
}

const transactions = [{ workload: 'simple' }, { workload: 'prepared' }, { workload: 'tpcb' }]

/** The aims that pgwitness has set itself for recording everything. */
export const ratio_aims: readonly RatioAim[] = [
  {
    aim: 'recording ÷ relaying only',
    variant: 'recording',
    base: 'relaying',
    where: transactions,
    first: 0.95,
    later: 0.98,
  },
  {
    aim: 'recording ÷ pgbouncer without audit, selects, 8 and 32 clients',
    variant: 'recording',
    base: 'pgbouncer',
    where: [
      { workload: 'simple', clients: [8, 32] },
      { workload: 'prepared', clients: [8, 32] },
    ],
    first: 0.85,
    later: 1,
  },
  {
    aim: 'recording ÷ direct with pgaudit, TPC-B',
    variant: 'recording',
    base: 'pgaudit',
    where: [{ workload: 'tpcb' }],
    first: 0.85,
    later: 1,
  },
  {
    aim: 'ack ÷ async, TPC-B, 32 clients',
    variant: 'recording-ack',
    base: 'recording',
    where: [{ workload: 'tpcb', clients: [32] }],
    first: 0.7,
    later: 0.7,
  },
  {
    aim: 'ack ÷ async, selects, 256 clients',
    variant: 'recording-ack',
    base: 'recording',
    where: [
      { workload: 'simple', clients: [256] },
      { workload: 'prepared', clients: [256] },
    ],
    first: 0.8,
    later: 0.8,
  },
  {
    aim: 'bulk COPY ÷ direct',
    variant: 'recording',
    base: 'direct',
    where: [{ workload: 'copy-out' }, { workload: 'copy-in' }],
    first: 0.95,
    later: 0.95,
  },
]

/** Most that one idle session may take. */
export const idle_bytes_max = 32 * 1024

/** Every aim against what was measured; the weakest measurement decides. */
export function judgeAims(results: Results): readonly AimOutcome[] {
  return [...ratio_aims.map((aim) => judgeRatio(aim, results)), judgeIdle(results)]
}

function judgeRatio(aim: RatioAim, results: Results): AimOutcome {
  const wanted = aim.first === aim.later ? `≥ ${aim.first}` : `≥ ${aim.first}, then ${aim.later}`
  const ratios = results.cells
    .filter((cell) => cell.variant === aim.variant && counts(aim, cell.workload, cell.clients))
    .flatMap((cell) => {
      const ratio = throughputRatio(results, cell, aim.base)
      return ratio === undefined ? [] : [{ ratio, cell }]
    })
    .sort((a, b) => a.ratio.median - b.ratio.median)
  const [weakest] = ratios
  const strongest = ratios.at(-1)
  if (weakest === undefined || strongest === undefined) {
    return { aim: aim.aim, wanted, seen: '', verdict: 'not measured' }
  }
  const { cell, ratio } = weakest
  const others = ratios.length > 1 ? `, at best ${shown(strongest.ratio)}` : ''
  const seen = `${shown(ratio)} (${cell.workload}, ${cell.clients})${others}`
  const { median } = ratio
  const verdict = median >= aim.later ? 'met' : median >= aim.first ? 'nearly' : 'missed'
  return { aim: aim.aim, wanted, seen, verdict }
}

function counts(aim: RatioAim, workload: string, clients: number): boolean {
  return aim.where.some(
    (place) => place.workload === workload && (place.clients?.includes(clients) ?? true),
  )
}

function judgeIdle(results: Results): AimOutcome {
  const aim = 'memory of an idle session'
  const wanted = `≤ ${idle_bytes_max / 1024} KiB`
  const idle = results.idle.find(({ variant }) => variant === 'recording')
  if (idle === undefined) return { aim, wanted, seen: '', verdict: 'not measured' }
  const seen = `${(idle.bytes_per_session / 1024).toFixed(1)} KiB (${idle.sessions} sessions)`
  return { aim, wanted, seen, verdict: idle.bytes_per_session <= idle_bytes_max ? 'met' : 'missed' }
}

function shown({ median }: Spread): string {
  return median.toFixed(2)
}
