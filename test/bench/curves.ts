import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fakeServer } from '../support/fake-server.js'
import { int32, message, ready } from '../support/messages.js'
import { measureGrowth } from './parts/idle-memory.js'
import { measureCells, recordWarnings, say } from './parts/measure.js'
import type { BenchOptions } from './parts/options.js'
import { markdownTable, plainTable } from './parts/report.js'
import { type Cell, figures, throughputRatio } from './parts/results.js'
import { query } from './parts/servers.js'
import { type Field, openField } from './parts/variants.js'
import type { Workload } from './parts/workload.js'
import { resultOf, scripted, selects } from './parts/workloads.js'
import { own_build, startPgwitness } from './peers/pgwitness.js'

/** `npm run bench -- --curves`: what becomes of cost where something grows. */

/** What grows, and what is done at each of its sizes. */
interface Curve {
  readonly title: string
  readonly points: readonly {
    readonly at: string
    readonly workload: Workload
    readonly clients: number
  }[]
}

const curve_variants = ['direct', 'pgbouncer', 'relaying', 'recording']
const clients_of_curves = 8
const client_counts = [1, 4, 16, 64, 256, 1_000]
const lengths = [100, 1_000, 10_000, 100_000]
const object_counts = [1, 4, 16, 64]
const row_counts = [1, 10, 100, 1_000, 10_000]
const catalog_sizes = [1_000, 10_000, 100_000]
const idle_counts = [100, 500, 1_000, 2_000, 5_000]

/** Sockets of this process for each idle session: the client's, and the server's that is played. */
const spare_files = 100

const curves: readonly Curve[] = [
  {
    title: 'clients (pgbench -S)',
    points: client_counts.map((clients) => ({
      at: `${clients}`,
      workload: selects('clients', 'simple'),
      clients,
    })),
  },
  {
    title: 'characters of a statement that differs in its literals',
    points: lengths.map((length) => ({
      at: `${length}`,
      workload: longStatement(length),
      clients: clients_of_curves,
    })),
  },
  {
    title: 'tables of a statement',
    points: object_counts.map((count) => ({
      at: `${count}`,
      workload: wideStatement(count),
      clients: clients_of_curves,
    })),
  },
  {
    title: 'rows of a result',
    points: row_counts.map((rows) => ({ at: `${rows}`, workload: resultOf(rows), clients: 1 })),
  },
]

/** A statement with that many characters, which the server has little to do for. */
function longStatement(length: number): Workload {
  const start = 'SELECT abalance FROM pgbench_accounts WHERE aid = :aid'
  const filling = 'x'.repeat(Math.max(0, length - start.length - 20))
  const statement = `${start} AND '${filling}' <> 'y'`
  return scripted(`length-${length}`, `${length} characters`, statement, 'SELECT abalance')
}

function tableName(number: number): string {
  return `bench_object_${number}`
}

/** A statement that names that many tables, of which the server looks at the first alone. */
function wideStatement(count: number): Workload {
  const parts = Array.from(
    { length: count },
    (_, at) => `EXISTS (SELECT FROM ${tableName(at)} WHERE id = :aid)`,
  )
  const statement = `SELECT 1 WHERE ${parts.join(' OR ')}`
  return scripted(`objects-${count}`, `${count} tables`, statement, 'SELECT 1 WHERE')
}

/** Measures all curves; gives the exit status: 1 when records were missing. */
export async function drawCurves(options: BenchOptions): Promise<number> {
  const variants = options.variants.length === 0 ? curve_variants : options.variants
  const field = await openField({ ...options, variants }, Math.max(...client_counts))
  const cells: Cell[] = []
  const tables: string[] = []
  const show = (title: string, table: readonly (readonly string[])[]) => {
    process.stdout.write(`\n== ${title}\n${plainTable(table).join('\n')}\n`)
    tables.push(`### ${title}\n\n${markdownTable(table)}\n`)
  }
  try {
    await makeTables(field)
    for (const curve of curves) {
      const rows: (readonly string[])[] = []
      for (const { at, workload, clients } of curve.points) {
        const measured = await measureCells(field, workload, clients, options)
        cells.push(...measured)
        rows.push([at, ...pointOf(measured)])
      }
      show(curve.title, [['', ...headings(field)], ...rows])
    }
  } finally {
    await field.stop()
  }
  show('idle sessions of pgwitness, which a played server lets in', await idleCurve())
  for (const count of catalog_sizes) await runCatalog(count)
  const warnings = recordWarnings(cells)
  for (const warning of warnings) say(`WARNING: ${warning}`)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ cells })}\n`)
  if (options.markdown !== undefined) writeFileSync(options.markdown, tables.join('\n'))
  return warnings.length > 0 ? 1 : 0
}

async function makeTables(field: Field): Promise<void> {
  const { plain, pgaudit } = field.servers
  const count = Math.max(...object_counts)
  const statements = Array.from(
    { length: count },
    (_, at) => `CREATE TABLE ${tableName(at)} AS SELECT generate_series(1, 100000) AS id LIMIT 0`,
  )
  const filled = `INSERT INTO ${tableName(0)} SELECT generate_series(1, 100000)`
  const key = `CREATE INDEX ON ${tableName(0)} (id)`
  for (const server of pgaudit === undefined ? [plain] : [plain, pgaudit]) {
    await query(server, [...statements, filled, key].join(';'))
  }
}

function headings(field: Field): readonly string[] {
  return field.variants.flatMap(({ name, service }) => {
    if (name === 'direct') return ['direct tx/s']
    return service === undefined ? [`${name} ÷`] : [`${name} ÷`, 'CPU µs']
  })
}

function pointOf(cells: readonly Cell[]): readonly string[] {
  return cells.flatMap((cell) => {
    const rate = figures(cell, 'rate')?.median ?? Number.NaN
    if (cell.variant === 'direct') return [rate.toFixed(0)]
    const ratio = throughputRatio({ cells }, cell, 'direct')?.median.toFixed(2) ?? ''
    const cpu = figures(cell, 'cpu_us')
    return cpu === undefined ? [ratio] : [ratio, cpu.median.toFixed(1)]
  })
}

/**
 * Memory of a process with more and more sessions. Nobody has memory for five thousand backends:
 * behind it is a server that lets everybody in and answers each Query with nothing.
 */
async function idleCurve(): Promise<readonly (readonly string[])[]> {
  const welcome = Buffer.concat([message('R', int32(0)), message('K', int32(1), int32(1)), ready()])
  const answer = Buffer.concat([message('I'), ready()])
  const server = await fakeServer((socket) => {
    socket.once('data', () => {
      socket.write(welcome)
      socket.on('data', () => socket.write(answer))
    })
  })
  const { service } = await startPgwitness({
    name: 'idle',
    build: own_build,
    upstream: { host: '127.0.0.1', port: server.port },
    connections: Math.max(...idle_counts) + spare_files,
    records: true,
    durability: 'async',
    catalog: false,
  })
  try {
    const points = await measureGrowth(service, idle_counts)
    return [
      ['sessions', 'MiB in all', 'KiB for each since the line before'],
      ...points.map(({ sessions, bytes, each_bytes }) => [
        `${sessions}`,
        (bytes / 1024 / 1024).toFixed(1),
        each_bytes === undefined ? '' : (each_bytes / 1024).toFixed(1),
      ]),
    ]
  } finally {
    await service.stop()
    server.close()
  }
}

/** The program of `npm run bench:catalog`, which prints for itself. */
async function runCatalog(count: number): Promise<void> {
  process.stdout.write(`\n== a catalog of ${count} relations\n`)
  const program = fileURLToPath(new URL('catalog-scale.js', import.meta.url))
  const child = spawn(process.execPath, [program, `${count}`], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the catalog of ${count} relations was not measured`)
}
