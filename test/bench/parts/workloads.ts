import { writeFileSync } from 'node:fs'
import { copy_in, copy_out } from './copies.js'
import { runPgbench, scratchFile } from './pgbench.js'
import { query } from './servers.js'
import type { Workload } from './workload.js'

const transaction_texts = [
  'BEGIN',
  'UPDATE pgbench_accounts',
  'SELECT abalance',
  'UPDATE pgbench_tellers',
  'UPDATE pgbench_branches',
  'INSERT INTO pgbench_history',
  'END',
]

const select_texts = ['SELECT abalance']

/** Selects by key. */
export function selects(name: string, mode: 'simple' | 'prepared'): Workload {
  return {
    name,
    title: `pgbench -S -M ${mode}`,
    unit: 'tx/s',
    concurrent: true,
    run: (variant, clients, seconds) =>
      runPgbench(variant, {
        flags: ['-S', '-M', mode],
        clients,
        seconds,
        sampled: 0.1,
        texts: select_texts,
      }),
  }
}

/** TPC-B, almost. */
export const tpcb: Workload = {
  name: 'tpcb',
  title: 'pgbench, TPC-B-like, -M simple',
  unit: 'tx/s',
  concurrent: true,
  async run(variant, clients, seconds) {
    // As pgbench does itself without -n, but beside what is measured.
    await query(variant.server, 'VACUUM pgbench_branches, pgbench_tellers')
    await query(variant.server, 'TRUNCATE pgbench_history')
    return await runPgbench(variant, {
      flags: ['-M', 'simple'],
      clients,
      seconds,
      sampled: 1,
      texts: transaction_texts,
    })
  },
}

const result_rows = 5_000

/** A statement of one's own, run by pgbench; `text` is how it begins. */
export function scripted(name: string, title: string, statement: string, text: string): Workload {
  return {
    name,
    title,
    unit: 'tx/s',
    concurrent: false,
    async run(variant, clients, seconds) {
      const script = scratchFile(`${name}.sql`)
      writeFileSync(script, `\\set aid random(1, 100000)\n${statement};\n`)
      const flags = ['-M', 'simple', '-f', script]
      return await runPgbench(variant, { flags, clients, seconds, sampled: 1, texts: [text] })
    },
  }
}

/** So many rows of about a hundred bytes. */
export function resultOf(rows: number, name = `result-${rows}`): Workload {
  const statement = `SELECT * FROM bench_source LIMIT ${rows}`
  return scripted(name, `SELECT of ${rows} rows`, statement, 'SELECT * FROM bench_source')
}

const large_result = resultOf(result_rows, 'large-result')

/** All of them, in the order of the table. */
export const workloads: readonly Workload[] = [
  selects('simple', 'simple'),
  selects('prepared', 'prepared'),
  tpcb,
  large_result,
  copy_out,
  copy_in,
]
