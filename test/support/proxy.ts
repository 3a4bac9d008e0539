import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type RunningApp, startApp } from '../../src/app.js'
import { loadConfig } from '../../src/config/load.js'
import { readTrail } from '../../src/trail/read-trail.js'
import { type ChunkSplitter, cuttingOfEnvironment, startChunkSplitter } from './chunk-splitter.js'
import type { ScratchPostgres } from './postgres.js'

/** One record of the JSON trail, as loosely typed as a reader of the file would have it. */
export interface TrailRecord {
  readonly [key: string]: unknown
  readonly seq: number
  readonly class: string
  readonly command: string
  readonly phase?: string
  readonly outcome?: string
  readonly sqlstate?: string
  readonly message?: string
  readonly rows?: number
  readonly rules?: readonly string[]
  readonly session?: Readonly<Record<string, unknown>>
  readonly transaction?: { readonly id: number; readonly state: string }
  readonly objects?: readonly Readonly<Record<string, unknown>>[]
  readonly analysis?: string
  readonly statement?: { readonly text: string; readonly [key: string]: unknown }
  readonly parameters?: readonly (string | null)[]
  readonly detail?: Readonly<Record<string, unknown>>
}

type Settings = Readonly<Record<string, unknown>>

/** A proxy before a scratch server, with an audit directory of its own. */
export interface ProxyUnderTest {
  readonly app: RunningApp
  readonly directory: string
  readonly port: number
  /** A connected `pg` client through the proxy; ended by `stop` when the test has not. */
  client(options?: pg.ClientConfig): Promise<pg.Client>
  /** Waits until the catalog of this database has been read, so that names are certain. */
  catalogKnown(database?: string): Promise<void>
  /** Raw lines of the trail so far. */
  lines(): Promise<string[]>
  records(): Promise<TrailRecord[]>
  /** Reads the trail again and again until `done` says so; fails after a minute. */
  recordsUntil(done: (records: TrailRecord[]) => boolean): Promise<TrailRecord[]>
  /** Stops the proxy and gives all records (JSON only). */
  stop(): Promise<void>
  /** Stops the proxy and reads the whole trail. */
  finish(): Promise<TrailRecord[]>
}

const patience_ms = 60_000

/** `PGWITNESS_DURABILITY=ack` lets all tests wait for their records. */
const durability = process.env['PGWITNESS_DURABILITY'] ?? 'async'

/**
 * Starts a proxy; `settings` is merged over the defaults of the tests, section by section, and
 * `undefined` takes a section away. With PGWITNESS_SPLIT in the environment both of its legs go
 * through a chunk splitter.
 */
export async function startProxy(
  postgres: ScratchPostgres,
  settings: Settings = {},
): Promise<ProxyUnderTest> {
  const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-test-'))
  const directory = join(scratch, 'audit')
  const defaults = {
    instance: 'test',
    listen: { host: '127.0.0.1', port: 0 },
    upstream: { host: postgres.host, port: postgres.port },
    catalog: { user: postgres.superuser },
    // On a busy machine anything may take long: start records come where they are asked for.
    audit: { directory, durability, flush: { interval: '10ms' }, start_after: '1h' },
    server_log: { level: 'warn', file: join(scratch, 'server.log') },
  }
  const splitters: ChunkSplitter[] = []
  const env = { PGPASSWORD: postgres.password }
  const config = loadConfig({
    settings: await behindSplitter(merge(defaults, settings), splitters),
    env,
    flags: {},
  })
  const app = await startApp(config, { drain_ms: 2_000 })
  const port = await splitPort(app.address.port, splitters)
  const clients = new Set<pg.Client>()
  let stopped = false
  const proxy: ProxyUnderTest = {
    app,
    directory: config.audit.directory,
    port,
    async client(options = {}) {
      const client = new pg.Client({
        host: '127.0.0.1',
        port,
        user: postgres.superuser,
        password: postgres.password,
        database: 'postgres',
        ...options,
      })
      client.on('error', () => {})
      await client.connect()
      clients.add(client)
      return client
    },
    async catalogKnown(database = 'postgres') {
      const client = await proxy.client({ database, application_name: 'catalog probe' })
      const isKnown = (record: TrailRecord) => record.objects?.[0]?.['resolved'] === 'catalog'
      do await client.query('SELECT FROM pg_catalog.pg_class WHERE false')
      while (!(await proxy.records()).some(isKnown))
      await client.end()
    },
    async lines() {
      await app.trail.flush()
      const lines: string[] = []
      for await (const { line } of readTrail(config.audit.directory)) lines.push(line)
      return lines
    },
    async records() {
      return (await proxy.lines()).map((line): TrailRecord => JSON.parse(line))
    },
    async recordsUntil(done) {
      const deadline_ms = performance.now() + patience_ms
      for (;;) {
        const records = await proxy.records()
        if (done(records)) return records
        if (performance.now() > deadline_ms) {
          throw new Error(`the awaited records did not come:\n${(await proxy.lines()).join('\n')}`)
        }
        await delay(20)
      }
    },
    async stop() {
      if (stopped) return
      stopped = true
      for (const client of clients) await client.end().catch(() => {})
      await app.stop('test ended')
      for (const splitter of splitters) splitter.close()
    },
    async finish() {
      await proxy.stop()
      const records: TrailRecord[] = []
      for await (const { line } of readTrail(config.audit.directory)) records.push(JSON.parse(line))
      rmSync(scratch, { recursive: true, force: true })
      return records
    },
  }
  return proxy
}

/** Records of statements only: neither connections nor the trail's own. */
export function statementsOf(records: readonly TrailRecord[]): TrailRecord[] {
  return records.filter((record) => record.statement !== undefined)
}

/** The port to connect to instead of `port`: itself where nothing is to be cut. */
async function splitPort(port: number, splitters: ChunkSplitter[], host?: string): Promise<number> {
  const cutting = cuttingOfEnvironment()
  if (cutting === undefined) return port
  const target = host === undefined ? { port } : { port, host }
  const splitter = await startChunkSplitter(target, cutting)
  splitters.push(splitter)
  return splitter.port
}

/** The same settings with a splitter before the server, unless that is a Unix socket. */
async function behindSplitter(settings: Settings, splitters: ChunkSplitter[]): Promise<Settings> {
  const { host, port } = settings['upstream'] as { readonly host: string; readonly port: number }
  if (host.startsWith('/')) return settings
  return merge(settings, { upstream: { port: await splitPort(port, splitters, host) } })
}

function merge(base: Settings, over: Settings): Settings {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    if (value === undefined) delete merged[key]
    else merged[key] = isPlain(below) && isPlain(value) ? merge(below, value) : value
  }
  return merged
}

function isPlain(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
