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

function selects(name: string, mode: 'simple' | 'prepared'): Workload {
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

const tpcb: Workload = {
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

const large_result: Workload = {
  name: 'large-result',
  title: `pgbench, SELECT of ${result_rows} rows`,
  unit: 'tx/s',
  concurrent: false,
  async run(variant, clients, seconds) {
    const script = scratchFile('large-result.sql')
    writeFileSync(script, `SELECT * FROM bench_source WHERE aid <= ${result_rows};\n`)
    const texts = ['SELECT * FROM bench_source']
    return await runPgbench(variant, { flags: ['-f', script], clients, seconds, sampled: 1, texts })
  },
}

/** All of them, in the order of the table. */
export const workloads: readonly Workload[] = [
  selects('simple', 'simple'),
  selects('prepared', 'prepared'),
  tpcb,
  large_result,
  copy_out,
  copy_in,
]
