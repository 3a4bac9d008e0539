import { limits } from '../lib/limits.js'
import type { CatalogChange, StatementFacts } from '../sql/facts.js'
import { applyChange } from './apply-change.js'
import { calledFunction } from './called-function.js'
import type { DatabaseCatalog } from './database-catalog.js'
import { type Doubts, no_doubts } from './doubts.js'
import type { Reading } from './former-readings.js'
import { LayeredNames } from './layered-names.js'
import { type HiddenNames, type NameScope, nameScope } from './locate.js'
import type { CalledFunction, NameContext, Resolution, SessionCatalog, Unsettled } from './names.js'
import { Overlay } from './overlay.js'
import { fixesNames, keepsNames, PlannedNames } from './planned-names.js'
import { type AuditScope, resolveStatement } from './resolve.js'

const no_settings: ReadonlyMap<string, string> = new Map()

/** A resolution of a session whose changes nobody else sees. */
interface OwnResolution {
  readonly version: string
  readonly context_version: number
  readonly resolution: Resolution
}

/** The names of one session over those that its database's sessions share. */
export class OverlaidCatalog implements SessionCatalog {
  readonly #database: DatabaseCatalog
  readonly #session: number
  readonly #on_close: () => void
  readonly #overlay = new Overlay()
  #version = ''
  #version_of = { shared: 0, own: -1, doubt: '' }
  #scope_key = ''
  #scope_version = -1
  #own = new WeakMap<StatementFacts, OwnResolution>()
  #own_count = 0
  #open = true
  #lagging = false
  #moment_us = 0
  #unsettled: Unsettled = 'nothing'
  /** Loads that had begun when the last doubt of temporary objects was settled by its transaction. */
  #doubted_at = Number.POSITIVE_INFINITY

  /** `session` tells this session's versions from those of every other one. */
  constructor(database: DatabaseCatalog, session: number, on_close: () => void) {
    this.#database = database
    this.#session = session
    this.#on_close = on_close
  }

  resolve(statement: StatementFacts, context: NameContext, plan?: object): Resolution {
    const now = this.#resolve(statement, context)
    if (!(plan instanceof PlannedNames)) return now
    const own_now = plan.statement === statement ? now : this.#resolve(plan.statement, context)
    return plan.meaning(now, own_now, context, this.#database.auditRole() !== undefined)
  }

  plan(
    made: 'statement' | 'portal',
    statement: StatementFacts,
    context: NameContext,
    of?: object,
  ): PlannedNames | undefined {
    if (this.#database.snapshot === undefined || !keepsNames(statement)) return undefined
    const fixed = made === 'portal' && fixesNames(statement)
    return new PlannedNames(statement, context, this.resolve(statement, context, of), fixed)
  }

  #resolve(asked: StatementFacts, context: NameContext): Resolution {
    // Statements that share an analysis name the same objects, unless something was added to one.
    const like = asked.analysed_as
    const same = like?.objects === asked.objects && like.built_in_calls === asked.built_in_calls
    const statement = same ? like : asked
    // What holds for a moment alone is not worth keeping.
    const passing = this.#formerReading() !== undefined || this.#unsettledBeside !== 'nothing'
    if (passing) return this.#resolveNow(statement, context)
    return this.#overlay.empty
      ? this.#resolveShared(statement, context)
      : this.#resolveOwn(statement, context)
  }

  functionByOid(oid: number): CalledFunction | undefined {
    const former = this.#formerReading()
    const then = former && calledFunction(this.#formerNames(former), oid, this.#auditScope())
    return then ?? calledFunction(this.#layeredNames(), oid, this.#auditScope())
  }

  apply(change: CatalogChange, context: NameContext): void {
    const database = this.#database
    const target = {
      overlay: this.#overlay,
      scope: this.#scope(context),
      next_oid: () => database.nextOid(),
    }
    applyChange(target, change)
  }

  setLagging(lagging: boolean): void {
    if (lagging === this.#lagging) return
    this.#lagging = lagging
    this.#database.setLagging(this, lagging)
  }

  setMoment(answered_us: number): void {
    this.#moment_us = answered_us
  }

  setUnsettled(what: Unsettled): void {
    if (what === this.#unsettled) return
    this.#database.setUnsettled(this.#unsettled, what)
    this.#unsettled = what
  }

  get uncommitted(): Unsettled {
    return this.#overlay.uncommitted
  }

  savepoint(name: string): void {
    this.#overlay.savepoint(name)
  }

  release(name: string): void {
    this.#overlay.release(name)
  }

  rollback_to(name: string): void {
    this.#overlay.rollbackTo(name)
  }

  commit(): void {
    this.#endDoubt()
    this.#database.merge(this.#overlay.commit())
  }

  rollback(): void {
    this.#endDoubt()
    this.#overlay.rollback()
  }

  prepare_transaction(identifier: string): void {
    this.#endDoubt()
    this.#database.park(identifier, this.#overlay.commit())
  }

  commit_prepared(identifier: string): void {
    this.#database.commitParked(identifier)
  }

  rollback_prepared(identifier: string): void {
    this.#database.rollbackParked(identifier)
  }

  discard_temporary(): void {
    this.#overlay.discardTemporary()
  }

  doubt_temporary(): void {
    this.#overlay.doubtTemporary()
    this.#doubted_at = Number.POSITIVE_INFINITY
  }

  /** What was made unseen is there for all to read once its transaction is over. */
  #endDoubt(): void {
    if (this.#doubted_at === Number.POSITIVE_INFINITY)
      this.#doubted_at = this.#database.temporary.begun
  }

  /** Names that unknown temporary relations may have. */
  get #hidden(): HiddenNames {
    if (!this.#overlay.doubtful) return 'none'
    return this.#database.temporary.since(this.#doubted_at) ?? 'any'
  }

  /** As a part of keys: readings with other temporary names are other versions. */
  get #doubt(): string {
    const hidden = this.#hidden
    if (hidden === 'none') return ''
    return hidden === 'any' ? '?' : '??'
  }

  get defaults_in_doubt(): boolean {
    return this.#database.grants_in_doubt
  }

  release_connection(): void {
    this.#database.releaseConnection()
  }

  default_settings(user: string): ReadonlyMap<string, string> {
    return this.#database.snapshot?.default_settings(user) ?? no_settings
  }

  /** The same for all sessions that see the same names, so that they share cached decisions. */
  get version(): string {
    const own = this.#overlay.revision
    const shared = this.#database.version
    const doubt = this.#doubt
    const known = this.#version_of
    if (known.own !== own || known.shared !== shared || known.doubt !== doubt) {
      this.#version_of = { own, shared, doubt }
      const suffix = this.#overlay.empty ? doubt : `${doubt}/${this.#session}.${own}`
      this.#version = `${this.#database.database} ${shared}${suffix}`
    }
    return this.#version
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.setLagging(false)
    this.setUnsettled('nothing')
    this.#overlay.rollback()
    this.#on_close()
  }

  #scope(context: NameContext): NameScope {
    const unsure = {
      hidden: this.#hidden,
      doubts: this.#doubts,
      unsettled: this.#unsettledBeside,
    }
    const now = nameScope(this.#layeredNames(), context, unsure)
    const former = this.#formerReading()
    // Of a role that has come since, a former reading knows no rights.
    if (former?.snapshot.roles.get(context.current_user) === undefined) return now
    const names = this.#formerNames(former)
    return { ...nameScope(names, context, unsure), later: now }
  }

  /** What others have changed that nobody has told of yet. */
  get #unsettledBeside(): Unsettled {
    return this.#database.unsettledBeside(this.#unsettled)
  }

  /** What was known when the statement was answered whose record waited; most wait for nothing. */
  #formerReading(): Reading | undefined {
    return this.#lagging ? this.#database.formerReading(this.#moment_us) : undefined
  }

  #formerNames({ snapshot, settled }: Reading): LayeredNames {
    const layers = [settled, ...this.#database.layers(), ...this.#overlay.layers()]
    return new LayeredNames(snapshot, layers)
  }

  /** Something has changed that only a new snapshot shows. */
  get #doubts(): Doubts {
    const former = this.#formerReading()?.doubts ?? no_doubts
    return this.#database.doubts | this.#overlay.doubts | former
  }

  #layeredNames(): LayeredNames {
    const layers = [...this.#database.layers(), ...this.#overlay.layers()]
    return new LayeredNames(this.#database.snapshot, layers)
  }

  #resolveNow(statement: StatementFacts, context: NameContext): Resolution {
    return resolveStatement(statement, this.#scope(context), this.#auditScope())
  }

  #auditScope(): AuditScope | undefined {
    const role = this.#database.auditRole()
    if (role === undefined) return undefined
    const in_doubt = this.#doubts !== no_doubts || this.#unsettledBeside !== 'nothing'
    return { role, in_doubt }
  }

  #resolveShared(statement: StatementFacts, context: NameContext): Resolution {
    const scope_key = this.#scopeKey(context)
    const key = `${this.#doubt}${scope_key}`
    const known = this.#database.cached(statement, key)
    if (known !== undefined) return known
    const resolution = this.#resolveNow(statement, context)
    this.#database.remember(statement, key, resolution)
    return resolution
  }

  /** Everything of the context that a resolution depends on, as text; made once per context. */
  #scopeKey(context: NameContext): string {
    if (this.#scope_version !== context.version) {
      const { current_user, search_path, search_path_doubted } = context
      this.#scope_key = JSON.stringify([current_user, search_path_doubted, search_path ?? null])
      this.#scope_version = context.version
    }
    return this.#scope_key
  }

  #resolveOwn(statement: StatementFacts, context: NameContext): Resolution {
    const { version } = this
    const known = this.#own.get(statement)
    if (known?.version === version && known.context_version === context.version) {
      return known.resolution
    }
    const resolution = this.#resolveNow(statement, context)
    this.#own_count += 1
    if (this.#own_count > limits.session_resolutions) {
      this.#own = new WeakMap()
      this.#own_count = 1
    }
    this.#own.set(statement, { version, context_version: context.version, resolution })
    return resolution
  }
}
