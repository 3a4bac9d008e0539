import { type ErrorCode, error_table } from '../errors.js'
import type { Clock } from '../lib/clock.js'
import { limits } from '../lib/limits.js'
import type { StatementFacts } from '../sql/facts.js'
import { catalogProblem } from './catalog-problem.js'
import { type Doubts, doubtsOf, hasDoubt, no_doubts } from './doubts.js'
import { FormerReadings, type Reading } from './former-readings.js'
import { Layer } from './layer.js'
import type { Resolution, Unsettled } from './names.js'
import type { CommittedChanges } from './overlay.js'
import { Refresher } from './refresher.js'
import type { CatalogLog, SideConnection } from './side-connection.js'
import type { CatalogSnapshot } from './snapshot.js'
import { TemporaryNames } from './temporary-names.js'

/** What a database's names need from outside. */
export interface DatabaseCatalogOptions {
  readonly database: string
  /** Absent: names come from the sessions' own changes alone. */
  readonly side: SideConnection | undefined
  readonly refresh_ms: number
  readonly log: CatalogLog
  /** That of the sessions, who ask for the names of a moment. */
  readonly clock: Clock
  audit_role(): string | undefined
  /** A session of this database changed roles: they are those of all others as well. */
  roles_changed(): void
}

/** A transaction that was not prepared through us may have changed anything. */
const unseen_changes: CommittedChanges = {
  shared: undefined,
  wants_refresh: true,
  doubts: doubtsOf(['rights', 'roles', 'objects']),
}

/** How long nobody's connection stays open: far less than the server waits for others to leave. */
const idle_close_ms = 250
/** The server waits five seconds for others to leave a database that is to be copied. */
const released_ms = 6_000

/** A resolution that every session without changes of its own shares. */
interface CachedResolution {
  readonly version: number
  readonly scope: string
  readonly resolution: Resolution
}

/**
 * The names of one database that all of its sessions share: the snapshot, the committed changes
 * that it does not show yet, and when it is read again.
 */
export class DatabaseCatalog {
  readonly #options: DatabaseCatalogOptions
  #snapshot: CatalogSnapshot | undefined
  /** Changes committed before the running load began: its snapshot shows them. */
  #settled = new Layer()
  /** Changes committed since. */
  #recent = new Layer()
  #version = 1
  #next_oid = 0
  #sessions = 0
  #cache = new WeakMap<StatementFacts, CachedResolution[]>()
  readonly #parked = new Map<string, CommittedChanges>()
  readonly #refresher: Refresher | undefined
  /** The first load was asked for; should it fail, the refresher goes on by itself. */
  #asked = false
  #problem: string | undefined
  #loads = 0
  /** When the last load that ended well began, in milliseconds: older than that is nothing known. */
  #read_at_ms: number | undefined
  /** The audit role that the last load did not find; its absence has been reported. */
  #missing_role: string | undefined
  #rows_read = 0
  /** A change of grants was committed that no snapshot shows yet: before the running load began, or since. */
  #unread_before: Doubts = no_doubts
  #unread_since: Doubts = no_doubts
  /** How many sessions have changed something that their records do not tell yet. */
  readonly #unsettled = { nothing: 0, names: 0, schemas: 0 }
  readonly temporary = new TemporaryNames()
  readonly #former = new FormerReadings()
  #connection_timer: NodeJS.Timeout | undefined
  /** A load fell due while nobody was there; whoever comes next has it made up for. */
  #postponed = false

  constructor(options: DatabaseCatalogOptions) {
    this.#options = options
    const { side, refresh_ms } = options
    if (side === undefined) return
    this.#refresher = new Refresher({
      refresh_ms,
      run: () => this.#loadIfUsed(side),
      failed: (error, retry_ms) => this.#failed(error, retry_ms),
    })
  }

  get database(): string {
    return this.#options.database
  }

  get snapshot(): CatalogSnapshot | undefined {
    return this.#snapshot
  }

  /** Changes with everything that the sessions share. */
  get version(): number {
    return this.#version
  }

  get sessions(): number {
    return this.#sessions
  }

  /** Why the last load failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Loads that ended well. */
  get loads(): number {
    return this.#loads
  }

  /** How old the names and grants are, in milliseconds; undefined before the first load. */
  get age_ms(): number | undefined {
    return this.#read_at_ms === undefined ? undefined : performance.now() - this.#read_at_ms
  }

  /** The audit role when it does not exist on the server: then its grants audit nothing. */
  get missing_role(): string | undefined {
    return this.#missing_role === this.auditRole() ? this.#missing_role : undefined
  }

  /** Rows that all loads together have read. */
  get rows_read(): number {
    return this.#rows_read
  }

  /** What nobody can say until the next snapshot. */
  get doubts(): Doubts {
    return this.#unread_before | this.#unread_since
  }

  /** True while grants may have changed that no snapshot shows yet. */
  get grants_in_doubt(): boolean {
    return this.doubts !== no_doubts
  }

  /** True when nothing would be lost by forgetting this database. */
  get forgettable(): boolean {
    return this.#recent.size === 0 && this.#settled.size === 0 && this.#parked.size === 0
  }

  auditRole(): string | undefined {
    return this.#options.audit_role()
  }

  /** The shared layers, bottom first, those that say something. */
  layers(): readonly Layer[] {
    return [this.#settled, this.#recent].filter((layer) => layer.size > 0)
  }

  /** Whether records of a session wait: readings that are replaced meanwhile are kept for them. */
  setLagging(session: object, lagging: boolean): void {
    if (lagging) this.#former.lag(session, this.#options.clock.nowMicroseconds())
    else this.#former.caughtUp(session)
  }

  /** What was known at a moment at which records lagged; undefined where nothing newer was read since. */
  formerReading(moment_us: number): Reading | undefined {
    return this.#former.at(moment_us)
  }

  /** What a session has changed unseen is something else now. */
  setUnsettled(before: Unsettled, now: Unsettled): void {
    this.#unsettled[before] -= 1
    this.#unsettled[now] += 1
  }

  /** What sessions beside one that has itself changed `own` may have changed unseen. */
  unsettledBeside(own: Unsettled): Unsettled {
    const { names, schemas } = this.#unsettled
    if (schemas > (own === 'schemas' ? 1 : 0)) return 'schemas'
    return names > (own === 'names' ? 1 : 0) ? 'names' : 'nothing'
  }

  nextOid(): number {
    this.#next_oid -= 1
    return this.#next_oid
  }

  sessionOpened(): void {
    this.#sessions += 1
    this.#refresher?.setInterested(true)
    this.#keepConnection()
    if (this.#postponed || (this.#snapshot === undefined && !this.#asked)) void this.refresh()
    this.#postponed = false
    this.#asked = true
  }

  sessionClosed(): void {
    this.#sessions -= 1
    if (this.#sessions > 0) return
    this.#refresher?.setInterested(false)
    clearTimeout(this.#connection_timer)
    this.#connection_timer = setTimeout(() => this.#options.side?.keep(false), idle_close_ms)
    this.#connection_timer.unref()
  }

  /** Somebody is about to copy this database: our own connection must not be in the way. */
  releaseConnection(): void {
    this.#options.side?.keep(false)
    clearTimeout(this.#connection_timer)
    this.#connection_timer = setTimeout(() => this.#keepConnection(), released_ms)
    this.#connection_timer.unref()
  }

  #keepConnection(): void {
    clearTimeout(this.#connection_timer)
    if (this.#sessions > 0) this.#options.side?.keep(true)
  }

  /** Makes the changes of a transaction everybody's. */
  merge({ shared, wants_refresh, doubts }: CommittedChanges): void {
    if (shared !== undefined) {
      this.#recent.absorb(shared)
      this.#recent.trim(limits.overlay_entries)
      this.#changed()
    }
    if (doubts !== no_doubts) this.#doubt(doubts)
    if (wants_refresh) void this.refresh()
    if (hasDoubt(doubts, 'roles')) this.#options.roles_changed()
  }

  /** Roles were changed in another database: what they are granted here may have changed. */
  rolesChanged(): void {
    this.#doubt(doubtsOf(['rights', 'objects']))
    void this.refresh()
  }

  #doubt(doubts: Doubts): void {
    this.#unread_since |= doubts
    this.#changed()
  }

  park(identifier: string, changes: CommittedChanges): void {
    this.#parked.set(identifier, changes)
    for (const oldest of this.#parked.keys()) {
      if (this.#parked.size <= limits.parked_overlays) break
      this.#parked.delete(oldest)
    }
  }

  /** COMMIT PREPARED: a transaction that was not prepared through us is news all the same. */
  commitParked(identifier: string): void {
    const parked = this.#parked.get(identifier)
    this.#parked.delete(identifier)
    this.merge(parked ?? unseen_changes)
  }

  rollbackParked(identifier: string): void {
    this.#parked.delete(identifier)
  }

  /** The audit role is another one: what was marked no longer holds, and columns may be missing. */
  auditRoleChanged(): void {
    this.#changed()
    void this.refresh()
  }

  cached(statement: StatementFacts, scope: string): Resolution | undefined {
    const entries = this.#cache.get(statement)
    return entries?.find((entry) => entry.version === this.#version && entry.scope === scope)
      ?.resolution
  }

  remember(statement: StatementFacts, scope: string, resolution: Resolution): void {
    const current = this.#cache.get(statement)?.filter((entry) => entry.version === this.#version)
    const entries = [{ version: this.#version, scope, resolution }, ...(current ?? [])]
    this.#cache.set(statement, entries.slice(0, limits.resolution_variants))
  }

  /**
   * Reads the catalogs again. Never rejects. Requests that come while a load is under way share
   * the one after it; while the server is out of reach they end at once.
   */
  async refresh(): Promise<void> {
    await this.#refresher?.request()
  }

  /** Ends the side connection and everything that is planned. */
  async close(): Promise<void> {
    this.#refresher?.close()
    clearTimeout(this.#connection_timer)
    await this.#options.side?.close()
  }

  /** A database that nobody uses is left alone: it may be about to be dropped. */
  async #loadIfUsed(side: SideConnection): Promise<number> {
    if (this.#sessions > 0) return await this.#load(side)
    this.#postponed = true
    return 0
  }

  /** Gives how long it took, in milliseconds. */
  async #load(side: SideConnection): Promise<number> {
    const { database, log } = this.#options
    this.#settled.absorb(this.#recent)
    this.#settled.trim(limits.overlay_entries)
    this.#recent = new Layer()
    this.#unread_before |= this.#unread_since
    this.#unread_since = no_doubts
    const reading = this.temporary.begin()
    const began_at_ms = performance.now()
    const role = this.auditRole()
    const { snapshot, temporary, rows, duration_ms } = await side.load(this.#snapshot, role)
    this.#rows_read += rows
    this.#install(snapshot)
    if (this.temporary.take(reading, temporary)) this.#changed()
    this.#read_at_ms = began_at_ms
    this.#reportRole(role !== undefined && !snapshot.roles.has(role) ? role : undefined)
    if (this.#loads === 1 || this.#problem !== undefined) {
      log.info({ database, relations: snapshot.relation_count, duration_ms }, 'catalog loaded')
    }
    this.#problem = undefined
    return duration_ms
  }

  #install(snapshot: CatalogSnapshot): void {
    this.#loads += 1
    const superseded = this.#settled.size > 0 || this.#unread_before !== no_doubts
    if (this.#snapshot !== undefined) {
      const { clock } = this.#options
      const former = {
        snapshot: this.#snapshot,
        settled: this.#settled,
        doubts: this.#unread_before,
      }
      this.#former.replaced(former, clock.nowMicroseconds())
    }
    this.#settled = new Layer()
    this.#unread_before = no_doubts
    if (snapshot === this.#snapshot && !superseded) return
    this.#snapshot = snapshot
    this.#changed()
  }

  /** Says once that the audit role does not exist, and once that it does again. */
  #reportRole(missing: string | undefined): void {
    const before = this.#missing_role
    this.#missing_role = missing
    if (missing === before) return
    const { database, log } = this.#options
    if (missing === undefined) {
      if (before === this.auditRole())
        log.info({ database, role: before }, 'the audit role exists now')
      return
    }
    const code = 'catalog.audit_role_missing' satisfies ErrorCode
    const { hint } = error_table[code]
    log.warn(
      { code, database, role: missing, hint },
      'the role of object_audit does not exist: its grants audit nothing',
    )
  }

  #failed(error: unknown, retry_ms: number): void {
    const { code, hint, reason } = catalogProblem(error)
    this.#problem = reason
    this.#options.log.warn(
      {
        code,
        hint,
        database: this.#options.database,
        err: error,
        retry_ms,
        stale: this.#snapshot !== undefined,
      },
      'catalog could not be read; names are resolved from what is known',
    )
  }

  #changed(): void {
    this.#version += 1
  }
}
