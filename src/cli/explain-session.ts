import type { DatabaseCatalog } from '../catalog/database-catalog.js'
import type { NameContext, ResolvedObject, SessionCatalog } from '../catalog/names.js'
import { quoteIdentifier } from '../catalog/quote-identifier.js'
import type { Config } from '../config/config.js'
import { SystemClock } from '../lib/clock.js'
import type { Effect, StatementFacts } from '../sql/facts.js'
import { matchingGrants } from './matching-grants.js'

/** Whose session is explained; what is not said is taken from the catalog or from custom. */
export interface WhoAsks {
  readonly user?: string
  readonly database?: string
  readonly search_path?: string
}

type Path = Pick<NameContext, 'search_path' | 'current_user'> & { readonly from: string }

/** The path as it is, and as it will be when the transaction is over: SET LOCAL lasts no longer. */
interface Paths {
  readonly now: Path
  readonly lasting: Path
}

/** What a new session of a server has whose configuration nobody has changed. */
const customary_path = ['$user', 'public']

/**
 * A session that is only imagined: the same names as in the proxy, with each statement's effects
 * taken for done, so that the next one is resolved as it would be.
 */
export class ExplainedSession {
  /** Where the catalog was read; absent when there is none. */
  readonly catalog: string | undefined
  /** Why there is no catalog. */
  readonly problem: string | undefined
  /** True where nobody asked for a catalog. */
  readonly is_meant_to_have_none: boolean
  readonly user: string
  readonly database: string
  readonly #shared: DatabaseCatalog
  readonly #names: SessionCatalog
  readonly #audit_role: string | undefined
  readonly #prepared = new Map<string, StatementFacts>()
  readonly #cursors = new Map<string, StatementFacts>()
  readonly #initial: Path
  #paths: Paths
  #before: Paths
  #savepoints = new Map<string, Paths>()
  #doubted = false
  #version = 1

  private constructor(
    shared: DatabaseCatalog,
    names: SessionCatalog,
    who: WhoAsks,
    config: Config | undefined,
    problem: string | undefined,
    is_meant_to_have_none: boolean,
  ) {
    this.is_meant_to_have_none = is_meant_to_have_none
    this.#shared = shared
    this.#names = names
    this.user = who.user ?? config?.catalog?.user ?? ''
    this.database = shared.database
    this.#audit_role = config?.object_audit?.role
    this.problem = problem
    if (shared.snapshot !== undefined && config !== undefined) {
      this.catalog = `database ${shared.database} of ${config.upstream.host}:${config.upstream.port}`
    }
    this.#initial = this.#startingPath(who.search_path)
    this.#paths = { now: this.#initial, lasting: this.#initial }
    this.#before = this.#paths
  }

  /** Reads the catalog, where the configuration says how; without it all names are assumed. */
  static async open(
    config: Config | undefined,
    who: WhoAsks,
    wanted: boolean,
  ): Promise<ExplainedSession> {
    const { DatabaseCatalog } = await import('../catalog/database-catalog.js')
    const { OverlaidCatalog } = await import('../catalog/session-catalog.js')
    const database = who.database ?? 'postgres'
    const log = { warn: () => {}, info: () => {} }
    const readable = wanted && config?.catalog !== undefined
    const side = readable ? await sideOf(config, database, log) : undefined
    const shared = new DatabaseCatalog({
      database,
      side,
      refresh_ms: config?.catalog?.refresh_ms ?? 0,
      log,
      clock: new SystemClock(),
      audit_role: () => config?.object_audit?.role,
      // There is no other database whose grants could come into doubt.
      roles_changed: () => {},
    })
    // Of a database without sessions nothing is read.
    shared.sessionOpened()
    await shared.refresh()
    const why = wanted ? 'no block `catalog` says how to read it' : 'the catalog was left unread'
    const problem = shared.problem ?? (side === undefined ? why : undefined)
    const names = new OverlaidCatalog(shared, 1, () => {})
    return new ExplainedSession(shared, names, who, config, problem, side === undefined)
  }

  /** Which search_path holds now, and where it comes from. */
  get path(): string {
    const { search_path, from } = this.#paths.now
    const items = search_path?.map((item) => (item === '$user' ? '"$user"' : item))
    const doubt = this.#doubted ? '; in doubt since' : ''
    return `search_path ${items?.join(', ') ?? 'unknown'} (${from}${doubt})`
  }

  /** Whose names they are, and of which database. */
  get place(): string {
    const { current_user } = this.#paths.now
    const stranger = this.#shared.snapshot?.roles.get(current_user) === undefined
    const known = this.catalog !== undefined && stranger ? ', whom the catalog does not know' : ''
    const user = current_user === '' ? 'any role' : `role ${quoteIdentifier(current_user)}`
    return `${user}${known}; ${this.catalog ?? `database ${quoteIdentifier(this.database)}`}`
  }

  /** True where what the statement runs is not known. */
  isDoubtful(own: StatementFacts): boolean {
    return own.effects.some((effect) => {
      if (effect.kind === 'fetch') return !this.#cursors.has(effect.name)
      return effect.kind === 'execute' && !this.#prepared.has(effect.name)
    })
  }

  /** The statement with what it runs, where that was prepared or declared before it. */
  joined(own: StatementFacts): StatementFacts {
    for (const effect of own.effects) {
      const inner = effect.kind === 'execute' ? this.#prepared.get(effect.name) : undefined
      if (inner !== undefined) {
        const { class: inner_class, objects, command, tags, node, secret_parameters } = inner
        return { ...own, class: inner_class, objects, command, tags, node, secret_parameters }
      }
      const read = effect.kind === 'fetch' ? this.#cursors.get(effect.name) : undefined
      if (read !== undefined) return { ...own, class: read.class, objects: read.objects }
    }
    return own
  }

  /** What was prepared under this name by the statements before. */
  prepared(name: string): StatementFacts | undefined {
    return this.#prepared.get(name)
  }

  resolve(statement: StatementFacts): readonly ResolvedObject[] {
    return this.#names.resolve(statement, this.#context()).objects
  }

  /** True where a statement before declared this cursor. */
  declares(name: string): boolean {
    return this.#cursors.has(name)
  }

  /** The grants by which object auditing asks for a record of this object. */
  grants(object: ResolvedObject): readonly string[] {
    const { snapshot } = this.#shared
    if (snapshot === undefined || this.#audit_role === undefined) return []
    return matchingGrants(snapshot, this.#audit_role, object)
  }

  /** The statement is taken to have succeeded. `number` is its place in the text. */
  done(statement: StatementFacts, number: number): void {
    for (const effect of statement.effects) this.#apply(effect, number)
    this.#version += 1
  }

  async close(): Promise<void> {
    this.#names.close()
    await this.#shared.close()
  }

  #startingPath(asked: string | undefined): Path {
    const current_user = this.user
    const own = this.#names.default_settings(this.user).get('search_path')
    if (asked !== undefined) {
      return { search_path: splitPath(asked), current_user, from: '--search-path' }
    }
    return own === undefined
      ? { search_path: customary_path, current_user, from: 'taken for granted' }
      : { search_path: splitPath(own), current_user, from: 'from the catalog' }
  }

  #context(): NameContext {
    const { search_path, current_user } = this.#paths.now
    const { user, database } = this
    return {
      database,
      session_user: user,
      current_user,
      search_path,
      search_path_doubted: this.#doubted,
      version: this.#version,
    }
  }

  #apply(effect: Effect, number: number): void {
    switch (effect.kind) {
      case 'set':
        this.#set(effect, number)
        break
      case 'reset_all':
        this.#paths = { now: this.#initial, lasting: this.#initial }
        break
      case 'discard':
        if (effect.what === 'all') this.#discardAll()
        if (effect.what === 'all' || effect.what === 'temp') this.#names.discard_temporary()
        break
      case 'declare_cursor':
        this.#cursors.set(effect.name, effect.statement)
        break
      case 'close_cursor':
        forget(this.#cursors, effect.name)
        break
      case 'deallocate':
        forget(this.#prepared, effect.name)
        break
      case 'transaction':
        this.#transaction(effect.operation, effect.name ?? '')
        break
      case 'prepare':
        this.#prepared.set(effect.name, effect.statement)
        break
      case 'catalog':
        this.#names.apply(effect.change, this.#context())
        break
      case 'opaque':
        this.#doubted ||= effect.forgets.includes('settings') || effect.forgets.includes('role')
        if (effect.forgets.includes('temporary')) this.#names.doubt_temporary()
        break
      default:
    }
  }

  #discardAll(): void {
    this.#paths = { now: this.#initial, lasting: this.#initial }
    this.#prepared.clear()
    this.#cursors.clear()
  }

  #set({ name, values, local }: Effect & { kind: 'set' }, number: number): void {
    const change: Partial<Path> = {}
    if (name === 'search_path') {
      this.#doubted = false
      const search_path = values ?? this.#initial.search_path
      Object.assign(change, { search_path, from: `set by statement ${number}` })
    } else if (name === 'role' || name === 'session_authorization') {
      const role = values?.[0]
      Object.assign(change, {
        current_user: role === undefined || role === 'none' ? this.user : role,
      })
    }
    const { now, lasting } = this.#paths
    this.#paths = {
      now: { ...now, ...change },
      lasting: local ? lasting : { ...lasting, ...change },
    }
  }

  #transaction(operation: (Effect & { kind: 'transaction' })['operation'], name: string): void {
    if (operation === 'begin') this.#before = this.#paths
    else if (operation === 'commit') {
      const { lasting } = this.#paths
      this.#paths = { now: lasting, lasting }
      this.#before = this.#paths
    } else if (operation === 'savepoint') {
      this.#savepoints.set(name, this.#paths)
      this.#names.savepoint(name)
    } else if (operation === 'release') this.#names.release(name)
    else if (operation === 'rollback_to') {
      this.#paths = this.#savepoints.get(name) ?? this.#paths
      this.#names.rollback_to(name)
    } else if (operation === 'rollback') {
      this.#paths = this.#before
      this.#names.rollback()
    }
  }
}

/** `name` is null for all of them. */
function forget(names: Map<string, StatementFacts>, name: string | null): void {
  if (name === null) names.clear()
  else names.delete(name)
}

async function sideOf(
  config: Config,
  database: string,
  log: ConstructorParameters<typeof import('../catalog/side-connection.js').SideConnection>[2],
) {
  const { catalogConnection } = await import('../app.js')
  const { SideConnection } = await import('../catalog/side-connection.js')
  const server = catalogConnection(config)
  return server === undefined ? undefined : new SideConnection(server, database, log)
}

/** The items of a search_path as SET takes it: quotes off, others in lower case. */
function splitPath(path: string): readonly string[] {
  return [...path.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? (bare ?? '').toLowerCase(),
  )
}
