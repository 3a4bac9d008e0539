import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { readTrail } from '../../src/trail/read-trail.js'
import { type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import { divertedLines } from '../trail/trail-fixture.js'
import type { TrailRecord } from './proxy.js'

const late_watch = fileURLToPath(new URL('late-watch.mjs', import.meta.url))

/** Milliseconds of the clock that all processes share. */
export function steadyMilliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export interface DoomedProxyOptions {
  /** A directory of this proxy's own: configuration, server log, `audit` for the trail. */
  readonly scratch: string
  readonly upstream: { readonly host: string; readonly port: number }
  /** Sections of the configuration; the directories and the addresses are set already. */
  readonly audit?: Readonly<Record<string, unknown>>
  readonly sections?: Readonly<Record<string, unknown>>
}

/** What is known of a killed process. */
export interface Death {
  /** Just before the signal was sent. */
  readonly killed_ms: number
  /** The longest that any of its threads was late, by its own account: see late-watch.mjs. */
  readonly late_ms: number
}

/** A proxy in a process of its own, started from the build, to be killed at any moment. */
export class DoomedProxy {
  readonly cli: SpawnedCli
  readonly port: number
  readonly #scratch: string

  private constructor(cli: SpawnedCli, port: number, scratch: string) {
    this.cli = cli
    this.port = port
    this.#scratch = scratch
  }

  /** Starts on the trail that the proxy before it left, if any. */
  static async start(options: DoomedProxyOptions): Promise<DoomedProxy> {
    const { scratch, upstream, audit, sections } = options
    const settings = {
      listen: { host: '127.0.0.1', port: 0 },
      upstream,
      server_log: { level: 'warn', file: join(scratch, 'server.log') },
      audit: { directory: auditDirectory(scratch), ...audit },
      ...sections,
    }
    const config_file = join(scratch, 'pgwitness.yaml')
    // Every JSON text is YAML.
    fs.writeFileSync(config_file, JSON.stringify(settings))
    for (const path of lateFiles(scratch)) fs.unlinkSync(path)
    const cli = spawnCli(['run', '--config', config_file], {
      NODE_OPTIONS: `--import ${JSON.stringify(late_watch)}`,
      LATE_WATCH_PREFIX: join(scratch, 'late-'),
    })
    const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
    return new DoomedProxy(cli, Number(port), scratch)
  }

  /** Ends it as `kill -9` does. */
  async kill(): Promise<Death> {
    const killed_ms = steadyMilliseconds()
    this.cli.process.kill('SIGKILL')
    await this.cli.ended
    return { killed_ms, late_ms: lateness(this.#scratch, killed_ms) }
  }

  /** Ends it in order; gives the exit status. */
  async stop(): Promise<number | string> {
    this.cli.process.kill('SIGTERM')
    return await this.cli.ended
  }
}

export function auditDirectory(scratch: string): string {
  return join(scratch, 'audit')
}

/** All records of the trail; those that went to the server log stand behind the others. */
export async function recordsOf(scratch: string): Promise<(TrailRecord & { epoch: number })[]> {
  const records: (TrailRecord & { epoch: number })[] = []
  for await (const { line } of readTrail(auditDirectory(scratch))) records.push(JSON.parse(line))
  for (const name of fs.readdirSync(scratch).filter((one) => /^server\b.*\.log$/.test(one))) {
    for (const line of divertedLines(join(scratch, name))) records.push(JSON.parse(line))
  }
  return records
}

/** What one client did: each thing it asked for, and when it heard the end of it. */
export interface ClientDiary {
  /** Asked for, in order. */
  readonly asked: string[]
  /** When the answer to each had come; shorter than `asked` when the last answer never came. */
  readonly answered_ms: number[]
}

/** Sends one thing, whose text holds the mark, and waits for its end. */
export type Deed = (client: pg.Client, mark: string, n: number) => Promise<unknown>

/**
 * Clients that work until their proxy dies, each deed behind the other, each with a mark of its own
 * in the order of the deeds: `<name>-<client>-<n>`. `done` resolves when all have lost it.
 */
export async function workUntilDeath(
  connection: pg.ClientConfig,
  clients: number,
  name: string,
  deed: Deed,
): Promise<{ readonly diaries: readonly ClientDiary[]; readonly done: Promise<void> }> {
  const connected = await Promise.all(Array.from({ length: clients }, () => connect(connection)))
  const diaries = connected.map((): ClientDiary => ({ asked: [], answered_ms: [] }))
  const work = connected.map(async (client, index) => {
    const diary = diaries[index]
    if (diary === undefined) return
    try {
      for (let n = 0; ; n++) {
        const mark = `${name}-${index}-${n}`
        diary.asked.push(mark)
        await deed(client, mark, n)
        diary.answered_ms.push(steadyMilliseconds())
      }
    } catch (error) {
      // A refusal of the server is a mistake of the test; the death of the proxy has no SQLSTATE.
      if (error instanceof pg.DatabaseError) throw error
      client.end().catch(() => {})
    }
  })
  const done = Promise.all(work).then(() => {})
  // Who waits for it hears of a failure; until then it is nobody's.
  done.catch(() => {})
  return { diaries, done }
}

async function connect(connection: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(connection)
  client.on('error', () => {
    // The death of the proxy; the query that waits fails as well.
  })
  await client.connect()
  return client
}

function lateFiles(scratch: string): string[] {
  return fs
    .readdirSync(scratch)
    .filter((name) => /^late-\d+$/.test(name))
    .map((name) => join(scratch, name))
}

/** The longest that a thread was late, up to the end. */
function lateness(scratch: string, killed_ms: number): number {
  let latest_ms = 0
  let call_ms = 0
  let woken_ms = Number.POSITIVE_INFINITY
  for (const path of lateFiles(scratch)) {
    const bytes = fs.readFileSync(path)
    // A thread that never waited has told nothing.
    if (bytes.length < 32) continue
    const [owed_since_ms = 0, late_ms = 0, before_ms = 0, last_call_ms = 0] = new Float64Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 32),
    )
    latest_ms = Math.max(latest_ms, late_ms, before_ms, killed_ms - owed_since_ms)
    if (path.endsWith('late-0')) call_ms = last_call_ms
    else if (last_call_ms > 0) woken_ms = Math.min(woken_ms, last_call_ms)
  }
  return Math.max(latest_ms, call_ms > woken_ms ? killed_ms - call_ms : 0)
}
