import type { Logger } from 'pino'
import { watchCertificates } from './app/certificate-watch.js'
import { Reloader } from './app/reloader.js'
import type { AuditorParts } from './auditor/auditor-parts.js'
import { Auditor } from './auditor.js'
import { DatabaseCatalogSource } from './catalog/catalog-source.js'
import type { SideConnectionOptions } from './catalog/side-connection.js'
import type { Config } from './config/config.js'
import { effectiveConfig } from './config/effective-config.js'
import { loadSealKey } from './config/seal-key.js'
import { WitnessError } from './errors.js'
import { type Clock, SystemClock } from './lib/clock.js'
import { packageVersion } from './lib/package-version.js'
import { AdminServer, type Health } from './ops/admin-server.js'
import { catalogWords, lagWords } from './ops/health-words.js'
import { Metrics } from './ops/metrics.js'
import { observe, observeProcess } from './ops/observed-metrics.js'
import { probe } from './ops/probe.js'
import { openServerLog } from './ops/server-log.js'
import { checkCertificate } from './proxy/certificate-check.js'
import { AddressList } from './proxy/client-address.js'
import { listenError } from './proxy/listen-error.js'
import { Listener } from './proxy/listener.js'
import { inBackground, lookAtServer } from './proxy/server-look.js'
import { loadTlsMaterial, ReloadableTls, type TlsMaterial } from './proxy/tls-material.js'
import { upstreamName, upstreamTlsOptions } from './proxy/upstream.js'
import type { AuditRecord } from './record/audit-record.js'
import { renderCsv } from './record/csv-format.js'
import { renderJson } from './record/json-format.js'
import { compileRules } from './rules/compile-rules.js'
import { ReloadableRules } from './rules/reloadable-rules.js'
import { ParserDoor } from './sql/parser-door.js'
import { type FileTrail, openTrail } from './trail/file-trail.js'
import { sync_bounds_us } from './trail/sync-times.js'
import type { TrailOptions } from './trail/trail-options.js'

/** Time for the last records of ended sessions to find room in the trail, in milliseconds. */
const settle_ms = 10_000

/** Time for the server to accept a probe of `/readyz`, in milliseconds: less than its asker waits. */
const probe_max_ms = 900

/** What a test may want otherwise than the configuration can say. */
export interface AppOptions {
  /** Largest time that `stop` waits for busy sessions; default `drain` of the configuration. */
  readonly drain_ms?: number
  /** Looks once at the server and at the catalog's role, and logs what is wrong with them. */
  readonly look?: boolean
}

/** A running proxy. */
export interface RunningApp {
  readonly address: { readonly host: string; readonly port: number }
  /** Port of the admin pages; undefined when they are off. */
  readonly admin_port: number | undefined
  readonly trail: FileTrail
  /** Takes over what may change under way. Never rejects: the server log tells what is wrong. */
  reload(load: () => Config): Promise<void>
  /** Resolves when records can be kept nowhere and `audit.on_failure` is `shutdown`: `stop` is due. */
  readonly failed: Promise<WitnessError>
  /** Ends sessions, flushes and closes the trail; resolves when all is on disk. */
  stop(reason: string): Promise<void>
}

/**
 * Constructs everything, in the order in which each needs the others: log, trail, parser, catalog,
 * rules, auditor, listener. The listener opens only after `audit.start` is on disk. Rejects with a
 * WitnessError; what was started by then is stopped again.
 */
export async function startApp(config: Config, options: AppOptions): Promise<RunningApp> {
  const started: (() => Promise<void>)[] = []
  const stopAll = async () => {
    const failures: unknown[] = []
    for (const stop of started.splice(0).reverse()) {
      // What cannot be stopped in order keeps nothing else open: the log comes last.
      await stop().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }
  try {
    return await construct(config, options, started, stopAll)
  } catch (error) {
    // Why the start failed is what is told, not what its undoing met.
    await stopAll().catch(() => {})
    throw error
  }
}

async function construct(
  config: Config,
  options: AppOptions,
  started: (() => Promise<void>)[],
  stopAll: () => Promise<void>,
): Promise<RunningApp> {
  const material = new ReloadableTls(loadTlsMaterial(config.listen, config.upstream.tls))
  const live = { config }
  const server_log = await openServerLog(config.server_log)
  started.push(() => server_log.close())
  const log = server_log.logger

  const trail = await openTrail(trailOptions(config, server_log.fallback), log)
  let stop_reason = 'start failed'
  started.push(() => trail.close(stop_reason))

  const metrics = new Metrics()
  const clock = new SystemClock()
  const { facts, catalog } = openSources(live, material, log, clock, started)
  const sources = {
    trail: () => trail.state,
    parser: () => facts.counters(),
    catalog: () => catalog.status(),
    build: { version: packageVersion(), node: process.version },
  }
  observe(metrics.registry, sources, sync_bounds_us)
  const rules = new ReloadableRules(compileRules(config, config.audit.time_zone))
  const parts = { facts, catalog, rules, trail, clock, log, metrics }
  const auditor = buildAuditor(config, parts, started)
  const reloader = new Reloader({ live, rules, tls: material, catalog, trail, log, metrics, clock })

  const report = (error: unknown) => log.error({ err: error }, 'unexpected error in a connection')
  const listener = new Listener({
    config,
    material,
    allow: new AddressList(config.listen.allow),
    balancers: new AddressList(config.listen.proxy_protocol ?? []),
    taps: auditor,
    report,
  })
  let absent: string | undefined = 'pgwitness is starting'
  const health_now = () => health(config, trail, catalog, absent)
  // Opened first, so that it closes behind the listener: a process that drains still lives.
  const admin_port = await startAdmin(config, metrics, health_now, started)
  const address = await listener.listen()
  absent = undefined
  const drain_ms = options.drain_ms ?? config.drain_ms
  started.push(async () => {
    await listener.close(drain_ms)
    const unsettled = await auditor.settled(settle_ms)
    if (unsettled > 0) {
      log.error({ sessions: unsettled }, 'records of some sessions found no room in the trail')
    }
  })

  started.push(checkCertificate(config.upstream, material, auditor, report))
  if (options.look === true) {
    started.push(look(config, material, catalog, log))
    started.push(watchCertificates(() => live.config, log))
  }

  log.info({ ...address, admin_port, directory: config.audit.directory }, 'pgwitness is listening')
  return {
    address,
    admin_port,
    trail,
    reload: (load) => reloader.reload(load),
    failed: shutdownOf(trail),
    stop: async (reason) => {
      stop_reason = reason
      absent = 'pgwitness is stopping'
      await reloader.close()
      log.info({ reason }, 'pgwitness is stopping')
      await stopAll()
    },
  }
}

function shutdownOf(trail: FileTrail): Promise<WitnessError> {
  return new Promise((resolve) => {
    const look = () => {
      if (trail.failing !== 'shutdown') return
      const message =
        'records can be written neither to the audit directory nor to the server log, and ' +
        'audit.on_failure is shutdown'
      resolve(new WitnessError('trail.failed', message))
    }
    trail.when_failing(look)
    look()
  })
}

/**
 * What an operator should hear of before any client does. It keeps nothing from starting: the server
 * may come up later.
 */
function look(
  config: Config,
  material: TlsMaterial,
  catalog: DatabaseCatalogSource,
  log: Logger,
): () => Promise<void> {
  return inBackground(
    async (opened) => {
      await lookAtServer(config.upstream, material.upstream, opened)
      await catalog.look()
    },
    ({ code, hint, message }) => log.warn({ code, hint }, message),
    (error) => log.error({ err: error }, 'unexpected error at the look at the server'),
  )
}

/** Where facts and names come from: the parser thread and the side connections. */
function openSources(
  live: { readonly config: Config },
  material: TlsMaterial,
  log: Logger,
  clock: Clock,
  started: (() => Promise<void>)[],
): { readonly facts: ParserDoor; readonly catalog: DatabaseCatalogSource } {
  const { config } = live
  const facts = new ParserDoor({
    analysed_bytes: config.limits.analysed_bytes,
    on_replaced: (problem) => log.warn({ code: 'parser.replaced', problem }, 'parser replaced'),
  })
  started.push(() => facts.close())
  const catalog = new DatabaseCatalogSource({
    server: sideConnection(live, material),
    refresh_ms: config.catalog?.refresh_ms ?? 0,
    audit_role: config.object_audit?.role,
    log,
    clock,
  })
  started.push(() => catalog.close())
  return { facts, catalog }
}

function buildAuditor(
  config: Config,
  parts: Omit<AuditorParts, 'config' | 'render' | 'later' | 'turns' | 'sessionClosed'>,
  started: (() => Promise<void>)[],
): Auditor {
  const auditor = new Auditor({
    config,
    ...parts,
    render: renderer(config),
    later: (delay_ms, callback) => {
      const timer = setTimeout(callback, delay_ms)
      return () => clearTimeout(timer)
    },
    soon: setImmediate,
  })
  const { start_after_ms } = config.audit
  if (start_after_ms > 0) {
    const ticker = setInterval(() => auditor.tick(), Math.max(50, start_after_ms / 4))
    started.push(async () => clearInterval(ticker))
  }
  return auditor
}

function trailOptions(
  config: Config,
  server_log: { readonly fd: number } | { readonly path: string },
): TrailOptions {
  const { audit } = config
  return {
    directory: audit.directory,
    directory_mode: audit.directory_mode,
    file_mode: audit.file_mode,
    format: audit.format,
    rotate: audit.rotate,
    retain: audit.retain,
    flush: audit.flush,
    durability: audit.durability,
    queue_bytes: audit.queue_bytes,
    stuck_timeout_ms: audit.stuck_timeout_ms,
    on_failure: audit.on_failure,
    seal: sealOptions(audit.seal),
    time_zone: audit.time_zone,
    instance: config.instance,
    server_log,
    start_detail: {
      version: packageVersion(),
      node: process.version,
      configuration: effectiveConfig(config),
    },
  }
}

function sealOptions({ key, ...seal }: Config['audit']['seal']): TrailOptions['seal'] {
  return key === undefined ? seal : { ...seal, key: loadSealKey(key) }
}

function renderer(config: Config): (record: AuditRecord) => string {
  const { format, time_zone } = config.audit
  if (format === 'csv') return (record) => renderCsv(record, time_zone)
  const { instance } = config
  return (record) => renderJson(record, instance)
}

/** The catalog's own connection goes to the same server by the same rules of TLS. */
function sideConnection(
  live: { readonly config: Config },
  material: TlsMaterial,
): SideConnectionOptions | undefined {
  const { config } = live
  if (config.catalog === undefined) return undefined
  const { host, port, tls } = config.upstream
  return {
    host,
    port,
    user: config.catalog.user,
    // Files may be read again: each connection is made with what they hold by then.
    get password() {
      return live.config.catalog?.password
    },
    get ssl() {
      return upstreamTlsOptions(config.upstream, material.upstream)
    },
    ssl_order: tls.mode === 'prefer' ? 'first' : tls.mode === 'allow' ? 'second' : 'only',
  }
}

/** How to read the catalog without the rest; undefined where no `catalog` block says so. */
export function catalogConnection(config: Config): SideConnectionOptions | undefined {
  return sideConnection({ config }, loadTlsMaterial(config.listen, config.upstream.tls))
}

async function startAdmin(
  config: Config,
  metrics: Metrics,
  health_now: () => Promise<Health>,
  started: (() => Promise<void>)[],
): Promise<number | undefined> {
  if (config.admin === undefined) return undefined
  observeProcess(metrics.registry)
  const { host, port } = config.admin
  const admin = new AdminServer(metrics.registry, health_now)
  try {
    const bound = await admin.listen(host, port)
    started.push(() => admin.close())
    return bound
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    throw listenError(cause, `${host}:${port} (admin)`)
  }
}

/** Ready means that a statement would be served: its record has a place, and the server listens. */
async function health(
  { upstream, audit }: Config,
  trail: FileTrail,
  catalog: DatabaseCatalogSource,
  absent: string | undefined,
): Promise<Health> {
  const degraded = absent === undefined ? [] : [absent]
  degraded.push(...lagWords(trail.state.oldest_unsaved_ms, audit.flush.sync_ms))
  const { host, port } = upstream
  const path = upstreamName(upstream)
  const unreachable = await probe(host.startsWith('/') ? { path } : { host, port }, probe_max_ms)
  if (unreachable !== undefined) degraded.push(`the server cannot be reached: ${unreachable}`)
  degraded.push(...trailTroubles(trail))
  for (const { database, problem, age_ms, missing_role } of catalog.status()) {
    degraded.push(...catalogWords(database, problem, age_ms))
    if (missing_role === undefined) continue
    const words = `the role of object_audit does not exist: ${JSON.stringify(missing_role)}`
    if (!degraded.includes(words)) degraded.push(words)
  }
  const served = absent === undefined && trail.failing === undefined && unreachable === undefined
  return { ready: served, degraded }
}

function trailTroubles({ state, failing }: FileTrail): string[] {
  const troubles: string[] = []
  const { mode, lost_records } = state
  if (mode === 'fallback') troubles.push('records go to the server log: the audit file fails')
  if (mode === 'failed') {
    const served =
      failing === undefined ? 'statements pass without (on_failure: continue)' : 'nothing is served'
    troubles.push(`records can be written nowhere: ${served}`)
  }
  if (state.stuck) troubles.push('a writer of the trail is held up in a system call')
  if (state.disk_mark > 0) {
    troubles.push(`the file system of the audit directory is ${state.disk_percent} % full`)
  }
  if (lost_records > 0) troubles.push(`${lost_records} records were kept nowhere since the start`)
  return troubles
}
