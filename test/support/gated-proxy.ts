import { Auditor, type AuditorSurroundings } from '../../src/auditor.js'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import type { Config } from '../../src/config/config.js'
import { loadConfig } from '../../src/config/load.js'
import { type Clock, SystemClock } from '../../src/lib/clock.js'
import { limits } from '../../src/lib/limits.js'
import { Metrics } from '../../src/ops/metrics.js'
import { AddressList } from '../../src/proxy/client-address.js'
import { Listener } from '../../src/proxy/listener.js'
import { loadTlsMaterial } from '../../src/proxy/tls-material.js'
import { renderJson } from '../../src/record/json-format.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import type { FactsSource } from '../../src/sql/facts.js'
import { ParserDoor } from '../../src/sql/parser-door.js'
import type { TrailFailing } from '../../src/trail/trail.js'
import type { ScratchPostgres } from './postgres.js'
import type { TrailRecord } from './proxy.js'

type Settings = Readonly<Record<string, unknown>>

/** A configuration that says where the server is, to record all, and what `more` says. */
export function configOf(upstream: Settings, more: Settings = {}): Config {
  return loadConfig({
    settings: { listen: { port: 0 }, upstream, rules: [{ name: 'all' }], ...more },
    env: {},
    flags: {},
  })
}

/** A trail that takes records or has no room, and has them on disk or not, as the test says. */
export class Gate {
  /** What the sessions are told of the trail; `fail` sets it. */
  failing: TrailFailing | undefined
  readonly records: TrailRecord[] = []
  /** Resolves when a record has found no room. */
  readonly refused: Promise<void>
  #refuse: () => void = () => {}
  #closed = false
  #waiting: (() => void)[] = []
  #failing_listener: () => void = () => {}
  #keeps = true
  #kept = 0
  #acknowledgement_waiters: (() => void)[] = []

  constructor() {
    this.refused = new Promise((resolve) => {
      this.#refuse = resolve
    })
  }

  append(record: string): boolean {
    if (this.#closed) {
      this.#refuse()
      return false
    }
    this.records.push(JSON.parse(`{${record.slice(record.indexOf('"class"'))}`))
    return true
  }

  when_writable(callback: () => void): void {
    if (this.#closed) this.#waiting.push(callback)
    else callback()
  }

  /** Places are counted in records. */
  get appended_position(): number {
    return this.records.length
  }

  get acknowledged_position(): number {
    return this.#keeps ? this.records.length : this.#kept
  }

  when_acknowledged(callback: () => void): void {
    this.#acknowledgement_waiters.push(callback)
  }

  /** From now on records are not safe before the test says so. */
  keepNone(): void {
    this.#kept = this.records.length
    this.#keeps = false
  }

  /** The first `records` records are safe now; without a number all are, and will be at once. */
  keep(records?: number): void {
    if (records === undefined) this.#keeps = true
    else this.#kept = records
    for (const callback of this.#acknowledgement_waiters.splice(0)) callback()
  }

  /** True when an answer waits for its record to be safe. */
  get awaited(): boolean {
    return this.#acknowledgement_waiters.length > 0
  }

  when_failing(listener: () => void): void {
    this.#failing_listener = listener
  }

  /** Records can be kept nowhere from now on, or can again. */
  fail(failing: TrailFailing | undefined): void {
    this.failing = failing
    this.#failing_listener()
  }

  /** Who waits for room. */
  get waiting(): number {
    return this.#waiting.length
  }

  close(): void {
    this.#closed = true
  }

  open(): void {
    this.#closed = false
    for (const callback of this.#waiting.splice(0)) callback()
  }
}

/** The proxy as the application constructs it, save for its trail and what `sources` says. */
export async function startGated(
  server: Pick<ScratchPostgres, 'host' | 'port'>,
  gate: Gate,
  more: Settings = {},
  sources: {
    readonly facts?: FactsSource
    readonly catalog?: DatabaseCatalogSource
    readonly clock?: Clock
  } = {},
) {
  const { host, port } = server
  const config = configOf({ host, port, tls: { mode: 'disable' } }, more)
  const log = { info() {}, warn() {}, error() {} }
  const facts =
    sources.facts ??
    new ParserDoor({ analysed_bytes: limits.analysed_bytes, on_replaced: () => {} })
  const catalog =
    sources.catalog ?? new DatabaseCatalogSource({ server: undefined, refresh_ms: 0, log })
  const parts: AuditorSurroundings = {
    config,
    facts,
    catalog,
    trail: gate,
    log,
    metrics: new Metrics(),
    rules: compileRules(config, 'UTC'),
    clock: sources.clock ?? new SystemClock(),
    render: (record) => renderJson(record, 'test'),
    later: (delay_ms, callback) => {
      const timer = setTimeout(callback, delay_ms)
      return () => clearTimeout(timer)
    },
    soon: setImmediate,
  }
  const auditor = new Auditor(parts)
  const errors: unknown[] = []
  const listener = new Listener({
    config,
    material: loadTlsMaterial(config.listen, config.upstream.tls),
    allow: new AddressList(config.listen.allow),
    balancers: new AddressList(config.listen.proxy_protocol ?? []),
    taps: auditor,
    report: (error) => errors.push(error),
  })
  const address = await listener.listen()
  return {
    port: address.port,
    auditor,
    listener,
    /** Errors that no peer caused; `stop` throws the first that a test has not taken out. */
    errors,
    async stop(): Promise<void> {
      await listener.close(1_000)
      await auditor.settled(5_000)
      await catalog.close()
      await facts.close()
      if (errors.length > 0) throw errors[0]
    },
  }
}
