import { Fifo } from '../lib/fifo.js'
import type { Effect, StatementFacts } from '../sql/facts.js'
import type { Execution, NamePlan, NamesPort, SessionContext } from './execution.js'
import { NameDoubts } from './name-doubts.js'
import { Settings } from './settings.js'
import { NameTable, type Portal, type PreparedStatement } from './statement-table.js'
import { TransactionTracker } from './transaction-tracker.js'

/** Who logged in to what. */
export interface LoginIdentity {
  readonly user: string
  readonly database: string
}

/**
 * All that a session has become by what the server answered: settings, transaction, prepared
 * statements, portals. Effects are applied here and nowhere else, and only for what succeeded.
 */
export class SessionState {
  readonly settings = new Settings()
  readonly transaction = new TransactionTracker()
  readonly statements = new NameTable<PreparedStatement>()
  readonly portals = new NameTable<Portal>()
  readonly doubts = new NameDoubts()
  /** What was dropped otherwise than by the protocol; whoever tells of unused ones takes them. */
  readonly dropped = new Fifo<Portal | PreparedStatement>()
  readonly #login: LoginIdentity
  readonly #names: NamesPort
  #context: SessionContext | undefined

  constructor(login: LoginIdentity, names: NamesPort) {
    this.#login = login
    this.#names = names
  }

  /** The current meaning of names; the same object until something changes. */
  get context(): SessionContext {
    const version = this.settings.version
    if (this.#context?.version === version) return this.#context
    const authorized = this.settings.get('session_authorization')?.[0] ?? 'default'
    const session_user = authorized === 'default' ? this.#login.user : authorized
    const role = this.settings.get('role')?.[0]
    this.#context = {
      database: this.#login.database,
      session_user,
      current_user: role === undefined || role === 'none' ? session_user : role,
      search_path: this.settings.get('search_path'),
      search_path_doubted: this.settings.doubted,
      version,
    }
    return this.#context
  }

  /** What the names of a statement or portal that is made now mean from now on. */
  plan(
    made: 'statement' | 'portal',
    statement: StatementFacts | undefined,
    context: SessionContext,
    of?: NamePlan,
  ): NamePlan | undefined {
    return statement === undefined ? undefined : this.#names.plan(made, statement, context, of)
  }

  /** Applies what a successful execution did to the session. */
  applyEffects(execution: Execution): void {
    // Where our grammar reads what the server may read otherwise, it may have done anything.
    if (execution.status !== 'parsed' || execution.ambiguous) {
      this.#doubt(['settings', 'role', 'temporary'])
    }
    for (const effect of execution.effects) this.#apply(effect, execution)
  }

  /** The transaction is over without doubt and took effect. */
  commit(): void {
    this.settings.commit()
    this.#names.commit()
    this.dropPortals()
    this.transaction.end()
  }

  /** The transaction is over and nothing of it remains. */
  rollback(): void {
    this.settings.rollback()
    this.#names.rollback()
    this.dropPortals()
    this.transaction.end()
  }

  /** Opens the undo frames of a transaction; cheap when they are open already. */
  open(): void {
    this.settings.begin()
  }

  /** Unseen code may have changed and committed anything: no rollback undoes the doubt. */
  doubtForGood(): void {
    this.settings.doubtForGood()
    this.#names.doubt_temporary()
  }

  #apply(effect: Effect, execution: Execution): void {
    switch (effect.kind) {
      case 'set':
        this.settings.set(effect.name, effect.values, effect.local)
        return
      case 'reset_all':
        this.settings.resetAll()
        return
      case 'discard':
        this.#discard(effect.what)
        return
      case 'transaction':
        this.#transaction(effect)
        return
      case 'prepare':
        this.#dropped(
          this.statements.set(effect.name, {
            name: effect.name,
            text: undefined,
            statement: effect.statement,
            prepared_text: effect.text,
            parameter_types: [],
            time_us: execution.start_us,
            made: this.doubts.madeBy(execution),
            plan: this.plan('statement', effect.statement, execution.context),
            used: true,
          }),
        )
        return
      case 'deallocate':
        this.#deallocate(effect.name)
        return
      case 'declare_cursor':
        this.#declare(effect, execution)
        return
      case 'close_cursor':
        this.#closePortals(effect.name, execution.uid)
        return
      case 'catalog':
        this.#names.apply(effect.change, execution.context)
        return
      case 'opaque':
        this.#doubt(effect.forgets)
        return
      case 'fetch': {
        const portal = this.portals.get(effect.name)
        if (portal !== undefined) portal.used = true
        return
      }
      case 'execute':
        // Joined to what it runs before the record; nothing changes here.
        return
      default:
        effect satisfies never
    }
  }

  #transaction(effect: Extract<Effect, { kind: 'transaction' }>): void {
    const name = effect.name ?? ''
    switch (effect.operation) {
      case 'begin':
        this.transaction.begin()
        return
      case 'commit':
        this.commit()
        if (effect.chain === true) this.transaction.begin()
        return
      case 'rollback':
        this.rollback()
        if (effect.chain === true) this.transaction.begin()
        return
      case 'prepare_transaction':
        // Settings stay; what the transaction made waits for its COMMIT PREPARED.
        this.settings.commit()
        this.#names.prepare_transaction(name)
        this.dropPortals()
        this.transaction.end()
        return
      case 'commit_prepared':
        this.#names.commit_prepared(name)
        return
      case 'rollback_prepared':
        this.#names.rollback_prepared(name)
        return
      case 'savepoint':
        this.settings.savepoint(name)
        this.#names.savepoint(name)
        return
      case 'release':
        this.settings.release(name)
        this.#names.release(name)
        return
      case 'rollback_to':
        this.settings.rollbackTo(name)
        this.#names.rollback_to(name)
        this.transaction.recover()
        return
      default:
        effect.operation satisfies never
    }
  }

  #declare(effect: Extract<Effect, { kind: 'declare_cursor' }>, execution: Execution): void {
    const prepared: PreparedStatement = {
      name: effect.name,
      text: undefined,
      statement: effect.statement,
      prepared_text: execution.text,
      parameter_types: execution.parameter_types,
      time_us: execution.start_us,
      made: this.doubts.madeBy(execution),
      plan: undefined,
      used: true,
    }
    const portal: Portal = {
      name: effect.name,
      prepared,
      bound: execution.bound,
      hold: effect.hold,
      by_sql: true,
      time_us: execution.start_us,
      made: this.doubts.madeBy(execution),
      doubted: execution.doubted || execution.ambiguous,
      context: execution.context,
      plan: this.plan('portal', effect.statement, execution.context, execution.plan),
      statement_id: 0,
      used: true,
    }
    this.#dropped(this.portals.set(effect.name, portal))
  }

  #discard(what: 'all' | 'plans' | 'sequences' | 'temp'): void {
    if (what === 'temp' || what === 'all') this.#names.discard_temporary()
    if (what !== 'all') return
    this.settings.resetAll()
    this.settings.set('session_authorization', null, false)
    this.#closePortals(null)
    this.#deallocate(null)
  }

  #doubt(forgets: Extract<Effect, { kind: 'opaque' }>['forgets']): void {
    for (const what of forgets) {
      if (what === 'settings' || what === 'role') this.settings.doubt(what)
      else if (what === 'temporary') this.#names.doubt_temporary()
      // Prepared statements and cursors: see NameDoubts, which is told of what failed as well.
    }
  }

  /** Portals end with their transaction, save cursors WITH HOLD. */
  dropPortals(): void {
    if (this.portals.size === 0) return
    for (const portal of [...this.portals.values()]) {
      if (!portal.hold) this.#dropped(this.portals.delete(portal.name))
    }
  }

  /**
   * `uid` is that of the execution which closes them: its own portal is active and stays.
   * Source: src/backend/utils/mmgr/portalmem.c, PortalHashTableDeleteAll.
   */
  #closePortals(name: string | null, uid?: number): void {
    const others = [...this.portals.values()].filter((portal) => portal.statement_id !== uid)
    const names = name === null ? others.map((portal) => portal.name) : [name]
    for (const each of names) this.#dropped(this.portals.delete(each))
  }

  #deallocate(name: string | null): void {
    const names =
      name === null ? [...this.statements.values()].map((prepared) => prepared.name) : [name]
    // The unnamed statement is out of reach of SQL (DropAllPreparedStatements in prepare.c).
    for (const each of names) if (each !== '') this.#dropped(this.statements.delete(each))
  }

  #dropped(entry: Portal | PreparedStatement | undefined): void {
    if (entry !== undefined && !entry.used) this.dropped.push(entry)
  }
}
