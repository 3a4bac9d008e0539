import type { Access, CatalogChange, StatementClass, StatementFacts } from '../sql/facts.js'

/** What a session's names mean at one moment: everything that resolution depends on. */
export interface NameContext {
  readonly database: string
  /** The login or SET SESSION AUTHORIZATION name: what `session_user` says. */
  readonly session_user: string
  /** What `current_user` says: the session user, or the role of SET ROLE. */
  readonly current_user: string
  /** Items of search_path as set, `"$user"` not yet replaced; undefined when it is not known. */
  readonly search_path: readonly string[] | undefined
  /** True after a statement that may have changed it unseen: names found by it are `assumed`. */
  readonly search_path_doubted: boolean
  /** Increments whenever any of the above changes, so that decisions can be cached. */
  readonly version: number
}

/** How sure a name is. */
export type Resolved = 'catalog' | 'assumed' | 'none'

/** An object of a statement with its name resolved: what goes into the record's `objects`. */
export interface ResolvedObject {
  /** `schema.name`, each part quoted as quote_identifier does; the bare name when unresolved. */
  readonly name: string
  readonly type: string
  readonly class: StatementClass
  readonly access: readonly Access[]
  readonly columns?: readonly string[]
  readonly owner?: string
  /** The view through which it was reached, `schema.name`. */
  readonly via?: string
  /** True when object auditing matched it. */
  readonly audited?: boolean
  readonly resolved: Resolved
}

/**
 * What a session has changed for all others although its records do not tell yet: names and rights,
 * or schemas as well.
 */
export type Unsettled = 'nothing' | 'names' | 'schemas'

/** What a resolution gives. */
export interface Resolution {
  readonly objects: readonly ResolvedObject[]
  /** True when at least one name was not found though a snapshot is there: worth one refresh. */
  readonly missing: boolean
}

/** What the catalog says of a function that a FunctionCall message names by its oid. */
export interface CalledFunction {
  readonly schema: string
  readonly name: string
  /** `schema.name(integer, text)`, as the object of a record is named. */
  readonly title: string
  readonly owner: string | undefined
  readonly argument_types: readonly number[]
  /** True when object auditing matched it. */
  readonly audited?: boolean
  readonly resolved: Resolved
}

/** The names of one session: the shared snapshot below, the session's own changes above it. */
export interface SessionCatalog {
  /**
   * Resolves the objects of a statement in the given context, or of what runs a `plan`. Pure apart
   * from its caches.
   */
  resolve(statement: StatementFacts, context: NameContext, plan?: object): Resolution
  /**
   * What a prepared statement or portal keeps of the names as they are now, for the `resolve` of
   * what runs it; `of` is the plan of the statement that a portal is bound to. Undefined where
   * nothing is kept.
   */
  plan(
    made: 'statement' | 'portal',
    statement: StatementFacts,
    context: NameContext,
    of?: object,
  ): object | undefined
  /** A function by its oid; undefined when no snapshot has it. */
  functionByOid(oid: number): CalledFunction | undefined
  /** Applies a change that the server has just confirmed, inside the open transaction. */
  apply(change: CatalogChange, context: NameContext): void
  savepoint(name: string): void
  release(name: string): void
  rollback_to(name: string): void
  /**
   * Whether records of this session wait, so that the next one tells of what was answered before: a
   * reading of the catalog that is replaced meanwhile is kept for it.
   */
  setLagging(lagging: boolean): void
  /** When the statement was answered whose names and changes come next. */
  setMoment(answered_us: number): void
  /** What this session may have changed although nobody knows yet what: others' names depend on it. */
  setUnsettled(what: Unsettled): void
  /** What the open transaction's COMMIT would change for all others. */
  readonly uncommitted: Unsettled
  /** Merges the changes into the shared snapshot for all sessions of the database. */
  commit(): void
  rollback(): void
  /** PREPARE TRANSACTION was answered: the changes wait for COMMIT PREPARED, by any session. */
  prepare_transaction(identifier: string): void
  commit_prepared(identifier: string): void
  rollback_prepared(identifier: string): void
  /** DISCARD TEMP / DISCARD ALL: the temporary objects are gone. */
  discard_temporary(): void
  /** Something may have made or dropped temporary objects unseen: they are `assumed` from now. */
  doubt_temporary(): void
  /** Defaults of search_path and role from ALTER ROLE/DATABASE … SET, strongest last. */
  default_settings(user: string): ReadonlyMap<string, string>
  /** True while they may have changed since they were read. */
  readonly defaults_in_doubt: boolean
  /** The session is about to copy its database, which no other connection may be in. */
  release_connection(): void
  /** Identifies the snapshot and the overlay, so that decisions can be cached. */
  readonly version: string
  close(): void
}

/** The catalog room's service, one per proxy. */
export interface CatalogSource {
  /**
   * Opens the names of one session; starts loading the database's snapshot when it is new. A
   * session without a database (physical replication) has none but its own guesses.
   */
  open(database: string | undefined): SessionCatalog
  /**
   * Asks for one refresh of a database because a name was missing or the catalog changed.
   * Requests that come while one is under way share the next one.
   * Resolves when it is done, or at once when there is no side connection.
   */
  refresh(database: string): Promise<void>
  /** False when no `catalog` block is configured: everything is `assumed` or `none`. */
  readonly connected: boolean
  close(): Promise<void>
}
