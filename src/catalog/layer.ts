import { type EntryKind, type EntryOf, entry_kinds, type Relation, type Schema } from './entries.js'

/** What a layer says of a schema as a whole. */
export type SchemaChange =
  /** `hides`: nothing below can be meant, because the schema was known not to exist. */
  | { readonly change: 'created'; readonly schema: Schema; readonly hides: boolean }
  | { readonly change: 'dropped' }
  /** What lies below under the name `from` is found under the new name. */
  | { readonly change: 'renamed'; readonly from: string }

type Entries = { readonly [K in EntryKind]: Map<string, EntryOf[K] | null> }

/** PostgreSQL's names cannot hold U+0000, so it separates the two parts of a key. */
const separator = '\0'

function keyOf(schema: string, name: string): string {
  return `${schema}${separator}${name}`
}

/**
 * A set of changes over what lies below: an entry replaces what has the same name below, null says
 * that there is nothing any more.
 */
export class Layer {
  readonly schemas = new Map<string, SchemaChange>()
  readonly #entries: Entries = { relation: new Map(), function: new Map(), type: new Map() }
  /** Relations of this layer by oid, so that views find their bases after a rename or move. */
  readonly #by_oid = new Map<number, Relation>()

  /** The entry, null when this layer says that it is gone, undefined when it says nothing. */
  get<K extends EntryKind>(kind: K, schema: string, name: string): EntryOf[K] | null | undefined {
    return this.#entries[kind].get(keyOf(schema, name))
  }

  relationByOid(oid: number): Relation | undefined {
    return this.#by_oid.get(oid)
  }

  put<K extends EntryKind>(kind: K, entry: EntryOf[K]): void {
    const key = keyOf(entry.schema, entry.name)
    // Taken out first, so that the order of the map is the order of the last change (see `trim`).
    this.#entries[kind].delete(key)
    this.#entries[kind].set(key, entry)
    if ('oid' in entry) this.#by_oid.set(entry.oid, entry)
  }

  remove(kind: EntryKind, schema: string, name: string): void {
    const key = keyOf(schema, name)
    this.#entries[kind].delete(key)
    this.#entries[kind].set(key, null)
  }

  createSchema(schema: Schema, hides: boolean): void {
    this.#forgetSchema(schema.name)
    this.schemas.set(schema.name, { change: 'created', schema, hides })
  }

  dropSchema(name: string): void {
    this.#forgetSchema(name)
    this.schemas.set(name, { change: 'dropped' })
  }

  /** Only for a layer that holds nothing yet: what it holds would keep the old schema name. */
  renameSchema(from: string, to: string): void {
    this.schemas.set(from, { change: 'dropped' })
    this.schemas.set(to, { change: 'renamed', from })
  }

  /** Removes everything that another layer has in a schema. */
  removeAll(of: Layer, schema: string): void {
    const prefix = `${schema}${separator}`
    for (const kind of entry_kinds) {
      for (const key of [...of.#entries[kind].keys()]) {
        if (key.startsWith(prefix)) this.remove(kind, schema, key.slice(prefix.length))
      }
    }
  }

  /** Every schema that an entry of this layer is in. */
  entrySchemas(): ReadonlySet<string> {
    const names = new Set<string>()
    for (const kind of entry_kinds) {
      for (const key of this.#entries[kind].keys()) names.add(key.slice(0, key.indexOf(separator)))
    }
    return names
  }

  get size(): number {
    let size = this.schemas.size
    for (const kind of entry_kinds) size += this.#entries[kind].size
    return size
  }

  /** Forgets the oldest changes beyond a number of entries of one kind. */
  trim(max_entries: number): void {
    for (const kind of entry_kinds) trimMap(this.#entries[kind], max_entries)
    trimMap(this.schemas, max_entries)
    trimMap(this.#by_oid, max_entries)
  }

  /** Adds the changes of a layer that lay directly above this one. */
  absorb(upper: Layer): void {
    for (const [name, change] of upper.schemas) {
      if (change.change === 'renamed') this.#absorbRename(change.from, name)
    }
    for (const [name, change] of upper.schemas) {
      if (change.change === 'created') this.createSchema(change.schema, change.hides)
      else if (change.change === 'dropped') this.dropSchema(name)
    }
    for (const kind of entry_kinds) this.#absorbKind(kind, upper)
    for (const [oid, relation] of upper.#by_oid) this.#by_oid.set(oid, relation)
  }

  /** Moves the entries of one schema into a layer of their own. */
  extractSchema(name: string): Layer {
    const extracted = new Layer()
    for (const kind of entry_kinds) this.#extractKind(kind, name, extracted)
    return extracted
  }

  /** For the temporary objects at the end of a transaction: what still exists afterwards. */
  withoutEnded(): Layer {
    const kept = new Layer()
    for (const kind of entry_kinds) this.#keepKind(kind, kept)
    return kept
  }

  #keepKind<K extends EntryKind>(kind: K, into: Layer): void {
    for (const entry of this.#entries[kind].values()) {
      if (entry === null) continue
      if ('details' in entry && entry.details?.on_commit_drop === true) continue
      into.put(kind, entry)
    }
  }

  #extractKind<K extends EntryKind>(kind: K, schema: string, into: Layer): void {
    for (const [key, entry] of this.#entries[kind]) {
      if (!key.startsWith(`${schema}${separator}`)) continue
      this.#entries[kind].delete(key)
      if (entry === null) into.#entries[kind].set(key, null)
      else into.put(kind, entry)
    }
  }

  #absorbKind<K extends EntryKind>(kind: K, upper: Layer): void {
    for (const [key, entry] of upper.#entries[kind]) {
      this.#entries[kind].delete(key)
      this.#entries[kind].set(key, entry)
    }
  }

  #absorbRename(from: string, to: string): void {
    const below = this.schemas.get(from)
    const moved = this.extractSchema(from)
    this.#forgetSchema(to)
    for (const kind of entry_kinds) this.#moveKind(kind, moved, to)
    if (below === undefined) this.renameSchema(from, to)
    else if (below.change === 'created') {
      this.schemas.set(to, { ...below, schema: { ...below.schema, name: to } })
    } else this.schemas.set(to, below)
  }

  #moveKind<K extends EntryKind>(kind: K, moved: Layer, to: string): void {
    for (const [key, entry] of moved.#entries[kind]) {
      if (entry === null) this.remove(kind, to, key.slice(key.indexOf(separator) + 1))
      else this.put(kind, { ...entry, schema: to })
    }
  }

  #forgetSchema(name: string): void {
    this.extractSchema(name)
  }
}

/** Maps iterate in order of insertion: the first are the oldest. */
function trimMap<K, V>(map: Map<K, V>, max_entries: number): void {
  for (const key of map.keys()) {
    if (map.size <= max_entries) return
    map.delete(key)
  }
}
