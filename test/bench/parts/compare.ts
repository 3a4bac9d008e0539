import { type Cell, figures, type Results, throughputRatio } from './results.js'

/** What changed between two runs of the benchmark. */
export interface Change {
  readonly what: string
  readonly before: number
  readonly now: number
  readonly verdict: 'worse' | 'better' | 'same'
}

/** Less than this is the machine's mood. */
const noise = 0.03

/**
 * Ratios to `direct` of every measurement that both runs have, and processor time for each
 * transaction: other machines have other figures, but hardly other ratios. Worse is what lies
 * outside both the noise and the spread of its rounds.
 */
export function compareResults(before: Results, now: Results): readonly Change[] {
  return now.cells.flatMap((cell): Change[] => [
    ...ratioChange(before, now, cell),
    ...processorChange(before, cell),
  ])
}

function ratioChange(before: Results, now: Results, cell: Cell): readonly Change[] {
  if (cell.variant === 'direct') return []
  const former = throughputRatio(before, cell, 'direct')
  const present = throughputRatio(now, cell, 'direct')
  if (former === undefined || present === undefined) return []
  const change = present.median / former.median - 1
  const outside = present.max < former.median || present.min > former.median
  return [
    {
      what: `${cell.workload}, ${cell.clients} clients, ${cell.variant} ÷ direct`,
      before: former.median,
      now: present.median,
      verdict: verdictOf(change, outside),
    },
  ]
}

function processorChange(before: Results, cell: Cell): readonly Change[] {
  const same = before.cells.find(
    ({ workload, clients, variant }) =>
      workload === cell.workload && clients === cell.clients && variant === cell.variant,
  )
  const former = same === undefined ? undefined : figures(same, 'cpu_us')
  const present = figures(cell, 'cpu_us')
  if (former === undefined || present === undefined) return []
  const change = 1 - present.median / former.median
  const outside = present.min > former.median || present.max < former.median
  return [
    {
      what: `${cell.workload}, ${cell.clients} clients, ${cell.variant}: µs of CPU`,
      before: former.median,
      now: present.median,
      verdict: verdictOf(change, outside),
    },
  ]
}

function verdictOf(gain: number, outside: boolean): Change['verdict'] {
  if (!outside || Math.abs(gain) < noise) return 'same'
  return gain < 0 ? 'worse' : 'better'
}
