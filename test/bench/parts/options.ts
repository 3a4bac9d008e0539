import { parseArgs } from 'node:util'

/** What one run of the benchmark does. */
export interface BenchOptions {
  readonly quick: boolean
  readonly curves: boolean
  readonly soak_minutes: number | undefined
  readonly tls: boolean
  readonly fsync: boolean
  readonly clients: readonly number[]
  readonly rounds: number
  readonly seconds: number
  readonly scale: number
  readonly idle_sessions: number
  /** Names of workloads and of variants; empty for all. */
  readonly workloads: readonly string[]
  readonly variants: readonly string[]
  /** Directories of other builds of pgwitness (their `dist`), to be measured beside this one. */
  readonly former: readonly string[]
  /** Where pgwitness leaves profiles of its processor time. */
  readonly profile: string | undefined
  readonly json: string | undefined
  readonly markdown: string | undefined
  readonly compare: string | undefined
}

/** Text of `--help`. */
export const usage = `npm run bench -- [options]

  --quick                two minutes: 8 clients, two rounds of a second
  --full                 1 to 256 clients, five rounds of four seconds
  --clients 1,8,32       numbers of clients
  --rounds N             rounds of every measurement; all variants take turns in each
  --seconds N            length of one measurement
  --scale N              scale of pgbench's tables (100,000 accounts each)
  --idle N               sessions whose memory is measured
  --only WORKLOADS[/VARIANTS]
                         names as the table shows them, with commas: simple,tpcb/relaying,recording
  --tls                  the same with TLS, as variants of their own
  --fsync                the server waits for its disk; off by default, so that nothing hides what is measured
  --former DIRECTORY     another build's dist, measured beside this one; may be given more than once
  --profile DIRECTORY    pgwitness leaves profiles of its processor time there (node --cpu-prof)
  --json FILE            all figures, for --compare
  --markdown FILE        the tables as in docs/benchmarks.md
  --compare FILE         a former --json: shows what got worse; status 1 when anything did
  --curves               scaling instead: clients, text length, objects, results, idle sessions, catalog
  --soak MINUTES         one load for so long, and the memory meanwhile; status 1 when it grows
`

const flags = {
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  clients: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  scale: { type: 'string' },
  idle: { type: 'string' },
  only: { type: 'string' },
  tls: { type: 'boolean', default: false },
  fsync: { type: 'boolean', default: false },
  former: { type: 'string', multiple: true },
  profile: { type: 'string' },
  json: { type: 'string' },
  markdown: { type: 'string' },
  compare: { type: 'string' },
  curves: { type: 'boolean', default: false },
  soak: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const full_clients = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** Reads the command line; undefined when it asks for help. Throws for what is not understood. */
export function readOptions(line: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({ args: [...line], options: flags, strict: true })
  if (values.help) return undefined
  const { quick, full } = values
  if (quick && full) throw new Error('--quick or --full, not both')
  const [workloads = '', variants = ''] = (values.only ?? '').split('/')
  const clients = values.clients?.split(',').map((text) => positive('--clients', text))
  return {
    quick,
    curves: values.curves,
    soak_minutes: values.soak === undefined ? undefined : positive('--soak', values.soak),
    tls: values.tls,
    fsync: values.fsync,
    clients: clients ?? (quick ? [8] : full ? full_clients : [1, 8, 32]),
    rounds: positive('--rounds', values.rounds ?? (quick ? '2' : full ? '5' : '3')),
    seconds: positive('--seconds', values.seconds ?? (quick ? '1' : full ? '4' : '3')),
    scale: positive('--scale', values.scale ?? (quick ? '5' : '20')),
    idle_sessions: positive('--idle', values.idle ?? (quick ? '200' : '500')),
    workloads: names(workloads),
    variants: names(variants),
    former: values.former ?? [],
    profile: values.profile,
    json: values.json,
    markdown: values.markdown,
    compare: values.compare,
  }
}

function names(text: string): readonly string[] {
  return text.split(',').filter((name) => name !== '')
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`${flag} takes numbers above 0: ${text}`)
  return value
}
