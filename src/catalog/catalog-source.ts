import { type Clock, SystemClock } from '../lib/clock.js'
import { catalogProblem } from './catalog-problem.js'
import { ClockCheck } from './clock-check.js'
import { DatabaseCatalog } from './database-catalog.js'
import type { CatalogSource, SessionCatalog } from './names.js'
import { OverlaidCatalog } from './session-catalog.js'
import { type CatalogLog, SideConnection, type SideConnectionOptions } from './side-connection.js'

/** What the catalog room needs from its surroundings. */
export interface CatalogSourceOptions {
  /** Absent: no side connection; names are `assumed` or `none`. */
  readonly server?: SideConnectionOptions | undefined
  /** How old a snapshot may grow while sessions of its database are open. */
  readonly refresh_ms: number
  /** Object auditing by this role's grants; absent: nothing is marked. */
  readonly audit_role?: string | undefined
  readonly log: CatalogLog
  /** That of the sessions; absent: one of its own. */
  readonly clock?: Clock
  /** How long a database without sessions keeps its connection and snapshot. */
  readonly unused_ms?: number
}

/** One database as `/readyz` and the metrics see it. */
export interface DatabaseStatus {
  readonly database: string
  readonly sessions: number
  /** Relations of the snapshot; undefined while there is none. */
  readonly relations: number | undefined
  /** Loads that ended well. */
  readonly loads: number
  /** How old what is known is, in milliseconds; undefined while there is no snapshot. */
  readonly age_ms: number | undefined
  /** Grants, roles or owners were changed since: every object counts as granted. */
  readonly grants_in_doubt: boolean
  /** The audit role when it does not exist on the server. */
  readonly missing_role: string | undefined
  /** Rows that all loads together have read. */
  readonly rows_read: number
  /** Why the last load failed: then the snapshot is stale, or there is none. */
  readonly problem: string | undefined
}

interface Kept {
  readonly catalog: DatabaseCatalog
  unused_timer: NodeJS.Timeout | undefined
}

const default_unused_ms = 60_000
/** SQLSTATE invalid_catalog_name. */
const no_database = '3D000'

/**
 * The catalog room's service: one per proxy. Open a session's names only once the server has let
 * the session in, since the first session of a database opens a connection to it.
 */
export class DatabaseCatalogSource implements CatalogSource {
  readonly #options: CatalogSourceOptions
  readonly #clock: Clock
  readonly #databases = new Map<string, Kept>()
  readonly #clock_check: ClockCheck
  #looking: SideConnection | undefined
  #audit_role: string | undefined
  #last_session = 0

  constructor(options: CatalogSourceOptions) {
    this.#options = options
    this.#clock = options.clock ?? new SystemClock()
    this.#audit_role = options.audit_role
    this.#clock_check = new ClockCheck(options.log)
  }

  get connected(): boolean {
    return this.#options.server !== undefined
  }

  /** The configuration was read again. */
  setAuditRole(role: string | undefined): void {
    if (role === this.#audit_role) return
    this.#audit_role = role
    for (const { catalog } of this.#databases.values()) catalog.auditRoleChanged()
  }

  open(database: string | undefined): SessionCatalog {
    this.#last_session += 1
    if (database === undefined) {
      return new OverlaidCatalog(this.#catalog('', undefined), this.#last_session, () => {})
    }
    const kept = this.#keep(database)
    clearTimeout(kept.unused_timer)
    kept.catalog.sessionOpened()
    return new OverlaidCatalog(kept.catalog, this.#last_session, () => {
      kept.catalog.sessionClosed()
      if (kept.catalog.sessions === 0) this.#planForgetting(database, kept)
    })
  }

  async refresh(database: string): Promise<void> {
    await this.#databases.get(database)?.catalog.refresh()
  }

  /**
   * Tries once whether the server lets the role in, before a session needs it; what is wrong goes to
   * the log. A server without the database `postgres` has nothing to be tried. Never rejects.
   */
  async look(): Promise<void> {
    const { server, log } = this.#options
    if (server === undefined) return
    const side = new SideConnection(server, 'postgres', log, this.#clock_check)
    this.#looking = side
    try {
      await side.look()
    } catch (error) {
      if (this.#looking === undefined || Reflect.get(Object(error), 'code') === no_database) return
      const { reason, ...problem } = catalogProblem(error)
      log.warn({ ...problem, user: server.user }, `catalog: ${reason}`)
    } finally {
      this.#looking = undefined
    }
  }

  status(): readonly DatabaseStatus[] {
    return [...this.#databases.values()].map(({ catalog }) => ({
      database: catalog.database,
      sessions: catalog.sessions,
      relations: catalog.snapshot?.relation_count,
      loads: catalog.loads,
      age_ms: catalog.age_ms,
      grants_in_doubt: catalog.grants_in_doubt,
      missing_role: catalog.missing_role,
      rows_read: catalog.rows_read,
      problem: catalog.problem,
    }))
  }

  async close(): Promise<void> {
    const looking = this.#looking
    this.#looking = undefined
    const databases = [...this.#databases.values()]
    this.#databases.clear()
    for (const { unused_timer } of databases) clearTimeout(unused_timer)
    await Promise.all([looking?.close(), ...databases.map(({ catalog }) => catalog.close())])
  }

  #keep(database: string): Kept {
    const known = this.#databases.get(database)
    if (known !== undefined) return known
    const { server, log } = this.#options
    const side =
      server === undefined
        ? undefined
        : new SideConnection(server, database, log, this.#clock_check)
    const catalog = this.#catalog(database, side)
    const kept: Kept = { catalog, unused_timer: undefined }
    this.#databases.set(database, kept)
    return kept
  }

  #catalog(database: string, side: SideConnection | undefined): DatabaseCatalog {
    const { refresh_ms, log } = this.#options
    return new DatabaseCatalog({
      database,
      side,
      refresh_ms,
      log,
      clock: this.#clock,
      audit_role: () => this.#audit_role,
      roles_changed: () => {
        for (const { catalog } of this.#databases.values()) {
          if (catalog.database !== database) catalog.rolesChanged()
        }
      },
    })
  }

  /** Without a side connection what the sessions did is all that is known, and is kept. */
  #planForgetting(database: string, kept: Kept): void {
    if (!this.connected) {
      if (kept.catalog.forgettable) this.#databases.delete(database)
      return
    }
    kept.unused_timer = setTimeout(() => {
      if (this.#databases.get(database) === kept) this.#databases.delete(database)
      void kept.catalog.close()
    }, this.#options.unused_ms ?? default_unused_ms)
    kept.unused_timer.unref()
  }
}
