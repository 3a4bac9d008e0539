import { limits } from '../lib/limits.js'
import type { ObjectDraft } from './findings.js'

/** One mention of a relation in a query. */
export interface RelationUse {
  readonly object: ObjectDraft
  /** True for the relation that INSERT, UPDATE, DELETE or MERGE changes: reading it is extra. */
  readonly target: boolean
  /** True when an alias renames the columns, so that their names in the text mean nothing. */
  readonly renamed: boolean
}

/** The parts of a column reference from left to right; null stands for `*`. */
export type ColumnParts = readonly (string | null)[]

function note(use: RelationUse, column: string | undefined): void {
  if (use.target) use.object.access.add('select')
  if (column === undefined || (use.renamed && column !== '*')) use.object.columns_unknown = true
  else use.object.use('select', column)
}

/**
 * The columns of a statement whose relation the text does not tell. One list for all relations that
 * they may belong to, so that many of both cost no more than they are.
 */
export class ColumnDoubts {
  readonly #names = new Set<string>()
  #list: readonly string[] | undefined

  add(column: string): void {
    if (this.#names.size <= limits.doubtful_columns) this.#names.add(column)
  }

  /** Undefined when there are too many to say. Call it when all have been added. */
  names(): readonly string[] | undefined {
    if (this.#names.size > limits.doubtful_columns) return undefined
    this.#list ??= [...this.#names]
    return this.#list
  }
}

/** Something that a FROM list offers under a name: a relation, a subquery, a function, a join. */
export class Entry {
  /** The relations behind the name: one for a table, several for a join, none for the rest. */
  readonly uses: RelationUse[]
  /** The subqueries behind the name. */
  readonly inside: Level[]
  #whole = false
  #confused = false
  #named = false

  constructor(uses: readonly RelationUse[], inside: readonly Level[]) {
    this.uses = [...uses]
    this.inside = [...inside]
  }

  /** Its whole row was asked for. Of many relations each is marked once. */
  noteWhole(): void {
    if (this.#whole) return
    this.#whole = true
    this.#named = true
    for (const use of this.uses) note(use, '*')
  }

  /** A column was asked for, of whichever relation it has. */
  noteColumn(column: string): void {
    this.#named = true
    const [only] = this.uses
    if (only !== undefined && this.uses.length === 1) note(only, column)
    else this.confuse()
  }

  /** What GROUP BY names is a column of the only relation, or an output of that name. */
  noteOutput(name: string): void {
    const [only] = this.uses
    if (only === undefined || only.renamed || this.uses.length > 1) this.noteColumn(name)
    else only.object.output(name)
  }

  /** Any column may have been asked for. */
  confuse(): void {
    if (this.#confused) return
    this.#confused = true
    for (const use of this.uses) note(use, undefined)
  }

  /** Any of these columns may have been asked for. */
  notePerhaps(columns: readonly string[]): void {
    for (const use of this.uses) {
      if (use.renamed) note(use, undefined)
      else {
        if (use.target) use.object.access.add('select')
        use.object.columns_perhaps = columns
      }
    }
  }

  /** Call it when all columns have been noted. */
  finish(): void {
    if (this.#named) return
    for (const use of this.uses) if (!use.target) use.object.columns_missing = true
  }

  /** A row lock needs the right to update. */
  lock(pending: Level[]): void {
    for (const use of this.uses) use.object.access.add('update')
    pending.push(...this.inside)
  }
}

/**
 * One query level: the names that its FROM list offers and the columns that it mentions. The
 * columns can only be given to relations once the whole level has been read, because the select
 * list comes before FROM.
 */
export class Level {
  readonly #parent: Level | undefined
  readonly #by_alias = new Map<string, Entry>()
  /** Entries that stand for several which share a name. */
  readonly #shared = new Set<Entry>()
  readonly #entries: Entry[] = []
  readonly #references: ColumnParts[] = []
  readonly #outputs: string[] = []
  readonly #inner: Level[] = []
  #starred = false
  /** Any relation of this level may have been asked for any column. */
  #ambiguous = false
  /** Any relation of this level may have been asked for one of the doubtful columns. */
  #doubtful = false
  /** The same is true of every level above. */
  #spread = false
  readonly #doubts: ColumnDoubts
  readonly #locked_names: string[] = []
  #locked = false
  /** Set for the level above a UNION: its ORDER BY names output columns only. */
  outputs_only = false

  /** The parent is the level whose names are visible inside; undefined at the top. */
  constructor(parent: Level | undefined, doubts: ColumnDoubts) {
    this.#parent = parent
    this.#doubts = doubts
  }

  get parent(): Level | undefined {
    return this.#parent
  }

  /** Adds what unqualified columns and `*` may refer to. */
  addEntry(entry: Entry): void {
    this.#entries.push(entry)
  }

  /** Makes an entry reachable by `alias.column`, and by `schema.alias.column` for a bare table. */
  addAlias(alias: string, entry: Entry, schema?: string): void {
    this.#addName(alias, entry)
    if (schema !== undefined) this.#addName(`${schema}\u0000${alias}`, entry)
  }

  /** Tables of different schemas may share a name. */
  #addName(name: string, entry: Entry): void {
    const same = this.#by_alias.get(name)
    if (same === undefined || same === entry) {
      this.#by_alias.set(name, entry)
      return
    }
    if (this.#shared.has(same)) {
      same.uses.push(...entry.uses)
      same.inside.push(...entry.inside)
      return
    }
    const both = new Entry([...same.uses, ...entry.uses], [...same.inside, ...entry.inside])
    this.#shared.add(both)
    this.#by_alias.set(name, both)
  }

  /** The arms of a UNION and the like: a row lock reaches into them. */
  addInner(level: Level): void {
    this.#inner.push(level)
  }

  addReference(parts: ColumnParts): void {
    this.#references.push(parts)
  }

  /** A name of GROUP BY that an output has, too: a column of that name comes first. */
  addOutput(name: string): void {
    this.#outputs.push(name)
  }

  /** NATURAL JOIN: any relation of this level may have been asked for any column. */
  confuse(): void {
    this.#ambiguous = true
  }

  /** USING over more than two tables: some relations of this level were asked for this column. */
  doubt(column: string): void {
    this.#doubts.add(column)
    this.#doubtful = true
  }

  /** FOR UPDATE and its kin; no names mean every relation of the level. */
  lock(names: readonly string[]): void {
    if (names.length === 0) this.#locked = true
    this.#locked_names.push(...names)
  }

  /** Gives the columns that this level mentions to the relations that they can belong to. */
  resolve(): void {
    for (const parts of this.#references) this.#resolveReference(parts)
    const [only] = this.#entries
    for (const name of this.#outputs) {
      // GROUP BY looks for no column outside before it takes the output.
      if (this.#entries.length === 1) only?.noteOutput(name)
      else this.doubt(name)
    }
  }

  /** Spreads doubts and locks; call it when every level of the statement has been resolved. */
  finish(): void {
    const perhaps = this.#doubtful ? this.#doubts.names() : []
    for (const entry of this.#entries) {
      if (this.#ambiguous || perhaps === undefined) entry.confuse()
      else if (perhaps.length > 0) entry.notePerhaps(perhaps)
      entry.finish()
    }
    const pending: Level[] = this.#locked ? [this] : []
    for (const name of this.#locked_names) this.#by_alias.get(name)?.lock(pending)
    for (let level = pending.pop(); level !== undefined; level = pending.pop()) {
      for (const entry of level.#entries) entry.lock(pending)
      pending.push(...level.#inner)
    }
  }

  #resolveReference(parts: ColumnParts): void {
    const column = parts.at(-1)
    if (column === undefined) return
    const qualifier = parts.at(-2)
    if (typeof qualifier === 'string') this.#qualified(parts.at(-3), qualifier, column)
    else if (column === null) this.#star()
    else this.#unqualified(column)
  }

  #star(): void {
    if (this.#starred) return
    this.#starred = true
    for (const entry of this.#entries) entry.noteWhole()
  }

  #qualified(schema: string | null | undefined, qualifier: string, column: string | null): void {
    const name = typeof schema === 'string' ? `${schema}\u0000${qualifier}` : qualifier
    for (let level: Level | undefined = this; level !== undefined; level = level.#parent) {
      const entry = level.#by_alias.get(name)
      if (entry === undefined) continue
      if (column === null) entry.noteWhole()
      else entry.noteColumn(column)
      return
    }
  }

  /**
   * An unqualified name belongs to the only relation in sight, or to any of several. Where the
   * doubt has spread already there is nothing left to find, so that the climb ends there.
   */
  #unqualified(column: string): void {
    if (this.outputs_only) return
    const candidates: Entry[] = []
    let levels = 0
    let whole_row = false
    let doubted = false
    for (let level: Level | undefined = this; level !== undefined; level = level.#parent) {
      // A name that is an alias is the whole row, unless a column has the same name.
      const row = level.#by_alias.get(column)
      if (row !== undefined) {
        row.noteWhole()
        whole_row ||= row.uses.length > 0
      }
      if (level.#entries.length === 0) continue
      levels += 1
      if (candidates.length < 2) candidates.push(...level.#entries.slice(0, 2))
      if (level.#spread) {
        doubted = true
        break
      }
    }
    const only = candidates.length === 1 && !doubted ? candidates[0] : undefined
    if (only !== undefined && only.uses.length <= 1) {
      if (!whole_row && only.uses.length === 1) only.noteColumn(column)
    } else if (levels > 0) this.#doubtUpwards(column)
  }

  #doubtUpwards(column: string): void {
    this.#doubts.add(column)
    for (let level: Level | undefined = this; level !== undefined; level = level.#parent) {
      if (level.#spread) return
      level.#spread = true
      level.#doubtful = true
    }
  }
}
