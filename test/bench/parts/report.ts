import { type AimOutcome, judgeAims } from './aims.js'
import type { Change } from './compare.js'
import { type Cell, figures, type Results, throughputRatio } from './results.js'
import type { Spread } from './statistics.js'

/** A table as rows of words; the first row is its heading. */
type Table = readonly (readonly string[])[]

const bases = ['direct', 'relaying', 'pgbouncer'] as const

/** Rows of one workload with one number of clients. */
function cellTable(results: Results, workload: string, clients: number): Table {
  const cells = results.cells.filter(
    (cell) => cell.workload === workload && cell.clients === clients,
  )
  const unit = cells[0]?.unit ?? ''
  const per = unit === 'tx/s' ? 'tx' : 'MiB'
  const present = bases.filter((base) => cells.some(({ variant }) => variant === base))
  const heading = [
    'variant',
    unit,
    'min–max',
    ...present.map((base) => `÷ ${base}`),
    ...['p50 ms', 'p99 ms', `CPU µs/${per}`, 'first thread', 'recorded'],
  ]
  return [heading, ...cells.map((cell) => cellRow(results, cell, present))]
}

function cellRow(results: Results, cell: Cell, present: readonly string[]): readonly string[] {
  const rate = figures(cell, 'rate')
  return [
    cell.variant,
    rate === undefined ? '' : whole(rate.median),
    rate === undefined ? '' : `${whole(rate.min)}–${whole(rate.max)}`,
    ...present.map((base) => {
      const ratio = throughputRatio(results, cell, base)
      return ratio === undefined || base === cell.variant ? '' : ratioText(ratio)
    }),
    milliseconds(figures(cell, 'p50_us')),
    milliseconds(figures(cell, 'p99_us')),
    figures(cell, 'cpu_us')?.median.toFixed(1) ?? '',
    figures(cell, 'main_cpu_us')?.median.toFixed(1) ?? '',
    recordedText(cell),
  ]
}

/** Found records, or what is wrong with them. */
function recordedText(cell: Cell): string {
  const counts = cell.runs.flatMap(({ recorded }) => recorded ?? [])
  if (counts.length === 0) return ''
  const found = counts.reduce((sum, count) => sum + count.found, 0)
  const wrong = counts.filter((count) => count.found !== count.expected).length
  return wrong === 0 ? `all ${found}` : `WRONG in ${wrong} of ${counts.length} runs`
}

function ratioText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function milliseconds(spread: Spread | undefined): string {
  if (spread === undefined) return ''
  const value = spread.median / 1000
  return value.toFixed(value < 10 ? 2 : 0)
}

/** Every pair of a workload and a number of clients, in the order in which they were measured. */
function places(results: Results): readonly Pick<Cell, 'workload' | 'clients'>[] {
  const seen = new Map(
    results.cells.map(({ workload, clients }) => [`${workload} ${clients}`, { workload, clients }]),
  )
  return [...seen.values()]
}

function idleTable({ idle }: Results): Table {
  return [
    ['variant', 'idle sessions', 'KiB each'],
    ...idle.map(({ variant, sessions, bytes_per_session }) => [
      variant,
      `${sessions}`,
      (bytes_per_session / 1024).toFixed(1),
    ]),
  ]
}

function aimTable(outcomes: readonly AimOutcome[]): Table {
  return [
    ['aim', 'wanted', 'seen at worst', ''],
    ...outcomes.map(({ aim, wanted, seen, verdict }) => [aim, wanted, seen, verdict]),
  ]
}

function changeTable(changes: readonly Change[]): Table {
  const shown = changes.filter(({ verdict }) => verdict !== 'same')
  return [
    ['changed', 'before', 'now', ''],
    ...shown.map(({ what, before, now, verdict }) => [
      what,
      before.toFixed(2),
      now.toFixed(2),
      verdict,
    ]),
  ]
}

/** A section of the report: a heading, words, and a table where there is one. */
interface Section {
  readonly heading: string
  readonly words: readonly string[]
  readonly table?: Table
}

function sections(results: Results, changes: readonly Change[] | undefined): readonly Section[] {
  const { machine, settings, variants, missing, warnings } = results
  const list = (of: Readonly<Record<string, unknown>>) =>
    Object.entries(of).map(([key, value]) => `${key}: ${String(value)}`)
  return [
    { heading: 'Machine', words: [list(machine).join('; '), list(settings).join('; ')] },
    { heading: 'Variants', words: list(variants) },
    ...(Object.keys(missing).length === 0
      ? []
      : [{ heading: 'Not measured', words: list(missing) }]),
    ...places(results).map(({ workload, clients }) => ({
      heading: `${workload}, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
      words: [],
      table: cellTable(results, workload, clients),
    })),
    ...(results.idle.length === 0
      ? []
      : [{ heading: 'Memory', words: [], table: idleTable(results) }]),
    { heading: 'Aims', words: [], table: aimTable(judgeAims(results)) },
    ...(changes === undefined
      ? []
      : [{ heading: 'Compared', words: comparedWords(changes), table: changeTable(changes) }]),
    ...(warnings.length === 0 ? [] : [{ heading: 'Warnings', words: warnings }]),
  ]
}

function comparedWords(changes: readonly Change[]): readonly string[] {
  const same = changes.filter(({ verdict }) => verdict === 'same').length
  return [`${same} of ${changes.length} figures are the same within noise and spread.`]
}

/** The report for a terminal. */
export function plainReport(results: Results, changes?: readonly Change[]): string {
  return sections(results, changes)
    .map(({ heading, words, table }) => {
      const lines = [`== ${heading}`, ...words.map((text) => `   ${text}`)]
      return [...lines, ...(table === undefined ? [] : plainTable(table))].join('\n')
    })
    .join('\n\n')
}

export function plainTable(table: Table): readonly string[] {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  )
  return table.map((row) => {
    const cells = row.map((text, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? text.padEnd(width) : text.padStart(width)
    })
    return `   ${cells.join('  ')}`.trimEnd()
  })
}

/** The tables for docs/benchmarks.md. */
export function markdownReport(results: Results): string {
  return `${sections(results, undefined)
    .map(({ heading, words, table }) => {
      const parts = [`### ${heading}`]
      if (words.length > 0) parts.push(words.map((text) => `- ${text}`).join('\n'))
      if (table !== undefined) parts.push(markdownTable(table))
      return parts.join('\n\n')
    })
    .join('\n\n')}\n`
}

export function markdownTable(table: Table): string {
  const [heading = [], ...rows] = table
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  const rule = `|${heading.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`
  return [line(heading), rule, ...rows.map(line)].join('\n')
}
