import { existsSync, statSync } from 'node:fs'
import { runTool, type ToolOutput } from '../../support/client-tools.js'
import { nextApplication, recorded, scratchFile } from './pgbench.js'
import { usageFor, usageOf } from './process-usage.js'
import type { Run } from './results.js'
import { query } from './servers.js'
import type { Variant } from './variant.js'
import type { Workload } from './workload.js'

const mebibyte = 1024 * 1024

/** Runs what psql reads; throws for whatever goes wrong. */
async function psql(variant: Variant, application: string, input: string): Promise<ToolOutput> {
  const place = ['-h', '127.0.0.1', '-p', `${variant.port}`, '-U', 'postgres', 'postgres']
  const environment = { PGAPPNAME: application, PGSSLMODE: 'disable', ...variant.environment }
  const ended = await runTool('psql', ['-X', '-q', ...place], environment, input)
  if (ended.code !== 0 || ended.stderr !== '') {
    throw new Error(`psql through ${variant.name}: ${ended.stdout}${ended.stderr}`)
  }
  return ended
}

/** The text of `bench_source`, which is the same on every server. */
async function sourceFile(server: Variant['server']): Promise<string> {
  const file = scratchFile('bench_source.txt')
  if (existsSync(file)) return file
  const direct = { name: 'direct', title: '', server, port: server.port, environment: {} }
  await psql(direct, 'bench', `\\copy bench_source to '${file}'\n`)
  return file
}

interface CopyRun {
  readonly variant: Variant
  readonly seconds: number
  /** The command of psql. */
  command(file: string): string
  /** To be done before each copy, beside what is measured. */
  readonly before?: string
}

/** Copies by psql until the time is over, and adds up what its clock says of each. */
async function runCopies({ variant, seconds, command, before }: CopyRun): Promise<Run> {
  const application = nextApplication()
  const file = await sourceFile(variant.server)
  const { service } = variant
  let spent_ms = 0
  let copies = 0
  let cpu_us = 0
  let main_cpu_us = 0
  while (spent_ms < seconds * 1000) {
    if (before !== undefined) await query(variant.server, before)
    const usage_before = service === undefined ? undefined : usageOf(service.pid)
    const input = `\\timing on\n${command(file)}\n`
    const { stdout } = await psql(variant, application, input)
    const usage = service === undefined ? undefined : usageOf(service.pid)
    service?.assertAlive()
    const time = /^Time: ([\d.]+) ms/m.exec(stdout)?.[1]
    if (time === undefined) throw new Error(`psql through ${variant.name} told no time: ${stdout}`)
    spent_ms += Number(time)
    copies++
    const used = service === undefined ? {} : usageFor(service.pid, [usage_before, usage], 1)
    cpu_us += used.cpu_us ?? Number.NaN
    main_cpu_us += used.main_cpu_us ?? Number.NaN
  }
  const mebibytes = (copies * statSync(file).size) / mebibyte
  return {
    rate: mebibytes / (spent_ms / 1000),
    transactions: copies,
    ...(Number.isNaN(cpu_us) ? {} : { cpu_us: cpu_us / mebibytes }),
    ...(Number.isNaN(main_cpu_us) ? {} : { main_cpu_us: main_cpu_us / mebibytes }),
    ...(await recorded(variant, { application, texts: ['COPY'], count: copies })),
  }
}

/** A table to the client, in text format. */
export const copy_out: Workload = {
  name: 'copy-out',
  title: 'psql, COPY of 500,000 rows to the client',
  unit: 'MiB/s',
  concurrent: false,
  run: (variant, _, seconds) =>
    runCopies({ variant, seconds, command: () => "\\copy bench_source to '/dev/null'" }),
}

/** The same rows into an unlogged table. */
export const copy_in: Workload = {
  name: 'copy-in',
  title: 'psql, COPY of 500,000 rows from the client',
  unit: 'MiB/s',
  concurrent: false,
  run: (variant, _, seconds) =>
    runCopies({
      variant,
      seconds,
      command: (file) => `\\copy bench_copy from '${file}'`,
      before: 'TRUNCATE bench_copy',
    }),
}
