import { causeOf } from './causes.js'
import { objectsOf, type Verdict } from './compare.js'
import type { Comparison } from './comparison.js'

/** Differences that no cause explains, one line each. */
export function defects({ verdicts, unpaired }: Comparison): string[] {
  const unexplained = verdicts.filter(
    (verdict) => verdict.side !== 'agree' && causeOf(verdict) === undefined,
  )
  return [...unpaired, ...unexplained.map(line)]
}

function line({ side, claim, pair }: Verdict): string {
  const { record, session } = pair
  const text = record.statement?.text.slice(0, 400) ?? ''
  const names = objectsOf(record).map(({ name, resolved }) => `${name} ${resolved}`)
  const told = `${record.class} ${record.outcome}, ${names.join(', ')}, session ${session}`
  return `${side}: ${claim.about} ${claim.says} (${told}): ${text}`
}

/** The table of counts: what both say by class, then what one says by cause and class. */
export function table(runs: readonly Comparison[]): string {
  const counts = new Map<string, Map<string, number>>()
  const classes = new Set<string>()
  for (const verdict of runs.flatMap(({ verdicts }) => verdicts)) {
    const cause = verdict.side === 'agree' ? verdict.claim.about : (causeOf(verdict) ?? 'DEFECT')
    const row = `${verdict.side.padEnd(12)}  ${cause}`
    const by_class = counts.get(row) ?? new Map<string, number>()
    by_class.set(verdict.claim.class, (by_class.get(verdict.claim.class) ?? 0) + 1)
    counts.set(row, by_class)
    classes.add(verdict.claim.class)
  }
  const columns = [...classes].sort()
  const rows = [...counts].sort(([a], [b]) => a.localeCompare(b))
  const width = Math.max(...rows.map(([name]) => name.length))
  const head = ['', ...columns, 'all']
  const cells = rows.map(([name, by_class]) => {
    const numbers = columns.map((column) => by_class.get(column) ?? 0)
    return [name, ...[...numbers, numbers.reduce((a, b) => a + b, 0)].map(String)]
  })
  return [head, ...cells]
    .map(
      ([name = '', ...numbers]) => name.padEnd(width) + numbers.map((n) => n.padStart(9)).join(''),
    )
    .join('\n')
}
