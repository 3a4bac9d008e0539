import {
  type Access,
  type CatalogChange,
  type CatalogDoubt,
  type ColumnAccess,
  type ColumnsApart,
  type Effect,
  type Lookup,
  type ObjectReference,
  type StatementClass,
  statement_class_strength,
} from './facts.js'

/** What a session may have to forget after code that we cannot see into. */
export type Forgets = Extract<Effect, { kind: 'opaque' }>['forgets'][number]

/** All that server code may change behind our back. */
export const forgets_everything: readonly Forgets[] = ['settings', 'role', 'temporary', 'prepared']

/** The stronger of two classes. */
export function strongestClass(left: StatementClass, right: StatementClass): StatementClass {
  return statement_class_strength[right] > statement_class_strength[left] ? right : left
}

const column_accesses = ['select', 'insert', 'update'] as const satisfies ColumnAccess[]

/** An object while its uses are still being collected. */
export class ObjectDraft {
  class: StatementClass
  readonly access = new Set<Access>()
  readonly columns = new Set<string>()
  /** True when a use was found whose columns the text does not tell. */
  columns_unknown = false
  /** True when the relation was read somewhere without any of its columns being named. */
  columns_missing = false
  /** Names that may be columns of this relation, shared by all to which they may belong. */
  columns_perhaps: readonly string[] = []
  /** Names that are columns if there are such, and expressions of the select list otherwise. */
  readonly #outputs = new Set<string>()
  readonly #apart = {
    select: new Set<string>(),
    insert: new Set<string>(),
    update: new Set<string>(),
  }
  readonly #base: ObjectReference

  constructor(base: ObjectReference) {
    this.#base = base
    this.class = base.class
    this.merge(base)
  }

  get lookup(): Lookup {
    return this.#base.lookup
  }

  /** True for a function or operator that is called. */
  get runs_code(): boolean {
    return this.access.has('execute')
  }

  /** Adds another use of the same object. */
  merge(other: ObjectReference): void {
    this.class = strongestClass(this.class, other.class)
    for (const access of other.access) this.access.add(access)
    for (const column of other.columns ?? []) this.columns.add(column)
    for (const access of column_accesses) {
      if (!other.access.includes(access)) continue
      const apart = other.columns_apart
      const columns = apart === undefined ? other.columns : apart[access]
      if (apart !== undefined && columns === undefined) this.columns_unknown = true
      for (const column of columns ?? []) this.use(access, column)
    }
    this.columns_missing ||= other.columns_missing === true
    if (other.columns_perhaps !== undefined) this.columns_perhaps = other.columns_perhaps
  }

  /** Notes that a column is read or written; `*` is every column. */
  use(access: ColumnAccess, column: string): void {
    this.columns.add(column)
    this.#apart[access].add(column)
  }

  /** Notes a name that is a column if the relation has it, and an output otherwise. */
  output(name: string): void {
    if (this.columns.has(name)) return
    this.columns.add(name)
    this.#outputs.add(name)
  }

  /** The finished reference. A whole row says everything, so `*` outweighs unknown columns. */
  finish(change?: {
    readonly class: StatementClass | undefined
    readonly access: readonly Access[]
  }): ObjectReference {
    const { columns: _columns, ...base } = this.#base
    const access = change?.access ?? [...this.access]
    const whole = this.columns.has('*')
    const open = !this.columns_unknown && !whole
    const doubtful = open && this.columns_perhaps.length > 0
    const told = this.columns.size > 0 && (whole || !(this.columns_unknown || doubtful))
    const certain = told && !(open && this.#outputs.size > 0)
    const apart = this.#columnsApart(access, certain)
    const perhaps = doubtful || !certain ? this.#perhaps() : []
    return {
      ...base,
      class: change?.class ?? this.class,
      access,
      ...(told ? { columns: [...this.columns] } : {}),
      ...(apart === undefined ? {} : { columns_apart: apart }),
      ...(open && perhaps.length > 0 ? { columns_perhaps: perhaps } : {}),
      ...(open && this.columns_missing && this.#apart.select.size > 0
        ? { columns_missing: true }
        : {}),
    }
  }

  /** One list for all relations of a statement, where it can be. */
  #perhaps(): readonly string[] {
    if (this.#outputs.size === 0) return this.columns_perhaps
    return [...this.columns_perhaps, ...this.#outputs]
  }

  /** Undefined where the columns as a whole say as much. */
  #columnsApart(access: readonly Access[], certain: boolean): ColumnsApart | undefined {
    const used = column_accesses.filter((one) => access.includes(one))
    if (used.length === 0) return undefined
    if (used.length === 1 && certain) return undefined
    const apart: Partial<Record<ColumnAccess, readonly string[]>> = {}
    for (const one of used) {
      const columns = [...this.#apart[one]]
      const known = one !== 'select' || !this.columns_unknown || columns.includes('*')
      if (known) apart[one] = columns
    }
    return apart
  }
}

/** Two mentions with the same key are one object. */
function keyOf(object: ObjectReference): string {
  const on = object.on === undefined ? '' : `${object.on.schema ?? ''}\u0000${object.on.name}`
  const flags = object.creates === true ? 'c' : ''
  return `${flags}${object.lookup}\u0000${object.catalog ?? ''}\u0000${object.schema ?? ''}\u0000${object.name}\u0000${object.arguments ?? ''}\u0000${on}`
}

/** How absorbed objects change: what is merely named by DDL, EXPLAIN or PREPARE is not accessed. */
export interface Absorption {
  /** The class that all objects take; absent to keep their own. */
  readonly class?: StatementClass
  /** The access that all objects take; absent to keep their own. */
  readonly access?: readonly Access[]
  /** True when functions run at once all the same: they keep their class and access. */
  readonly functions_run?: boolean
  /** `all`, only what server code may have done (`opaque`), or `none`. */
  readonly effects: 'all' | 'opaque' | 'none'
}

/** Relations that a statement itself has put into a schema: their bare names mean those. */
export interface LocalNames {
  readonly schema: string
  readonly names: ReadonlySet<string>
}

/** Collects what a statement touches and does: objects, effects, grants. */
export class Findings {
  readonly #local: LocalNames | undefined
  readonly #objects = new Map<string, ObjectDraft>()
  readonly #effects: Effect[] = []
  readonly #forgets = new Set<Forgets>()
  readonly #built_in_calls = new Set<string>()
  #refresh = false
  readonly #doubts = new Set<CatalogDoubt>()
  grants: { readonly privilege: string; readonly grantee: string }[] | undefined

  constructor(local?: LocalNames) {
    this.#local = local
  }

  /** Gives an unqualified relation the schema in which this statement has just made it. */
  place(object: ObjectReference): ObjectReference {
    const local = this.#local
    if (local === undefined) return object
    if (
      object.on !== undefined &&
      object.on.schema === undefined &&
      local.names.has(object.on.name)
    )
      return { ...object, on: { schema: local.schema, name: object.on.name } }
    const bare = object.lookup === 'relation' && object.schema === undefined
    return bare && local.names.has(object.name) ? { ...object, schema: local.schema } : object
  }

  /** Adds an object, or another use of one that is there already. */
  add(mentioned: ObjectReference): ObjectDraft {
    const object = this.place(mentioned)
    const key = keyOf(object)
    const known = this.#objects.get(key)
    if (known !== undefined) {
      known.merge(object)
      return known
    }
    const draft = new ObjectDraft(object)
    this.#objects.set(key, draft)
    return draft
  }

  effect(effect: Effect): void {
    this.#effects.push(effect)
  }

  catalog(change: CatalogChange): void {
    this.#effects.push({ kind: 'catalog', change })
  }

  /**
   * Asks for a new snapshot once this statement has succeeded; several times count once. `doubts`
   * is what nobody can say before that.
   */
  refresh(...doubts: readonly CatalogDoubt[]): void {
    this.#refresh = true
    for (const doubt of doubts) this.#doubts.add(doubt)
  }

  /** Code ran that may have changed these things without our seeing. */
  opaque(forgets: readonly Forgets[]): void {
    for (const item of forgets) this.#forgets.add(item)
  }

  /** A name was called that is taken for a function of pg_catalog. */
  builtInCall(name: string): void {
    this.#built_in_calls.add(name)
  }

  /** The names of such calls; undefined when there are none. */
  builtInCalls(): readonly string[] | undefined {
    return this.#built_in_calls.size === 0 ? undefined : [...this.#built_in_calls]
  }

  /** The strongest class among the objects; MISC when there are none. */
  strongest(): StatementClass {
    let strongest: StatementClass = 'MISC'
    for (const draft of this.#objects.values()) strongest = strongestClass(strongest, draft.class)
    return strongest
  }

  objects(): ObjectReference[] {
    const finished: ObjectReference[] = []
    for (const draft of this.#objects.values()) finished.push(draft.finish())
    return finished
  }

  /** Effects in the order in which they take place; doubts and refreshes come last. */
  effects(): Effect[] {
    const finished = [...this.#effects]
    if (this.#forgets.size > 0) finished.push({ kind: 'opaque', forgets: [...this.#forgets] })
    const doubts = this.#doubts.size > 0 ? { doubts: [...this.#doubts] } : {}
    if (this.#refresh) finished.push({ kind: 'catalog', change: { change: 'refresh', ...doubts } })
    return finished
  }

  /** Takes over the findings of a part of the statement, changed as `how` says. */
  absorb(other: Findings, how: Absorption): void {
    for (const draft of other.#objects.values()) {
      const runs = how.functions_run === true && draft.runs_code
      const access = how.access === undefined || runs ? [...draft.access] : how.access
      this.add(draft.finish({ class: runs ? undefined : how.class, access }))
    }
    if (how.effects === 'none') return
    for (const name of other.#built_in_calls) this.#built_in_calls.add(name)
    this.opaque([...other.#forgets])
    if (how.effects === 'opaque') return
    this.#effects.push(...other.#effects)
    this.#refresh ||= other.#refresh
    for (const doubt of other.#doubts) this.#doubts.add(doubt)
    if (other.grants !== undefined) this.grants = [...(this.grants ?? []), ...other.grants]
  }
}
