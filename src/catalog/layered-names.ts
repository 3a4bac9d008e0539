import {
  type EntryKind,
  type EntryOf,
  type Relation,
  type Schema,
  temporary_schema,
} from './entries.js'
import type { Layer } from './layer.js'
import type { CatalogSnapshot } from './snapshot.js'

/** The names that one session sees: a snapshot, or nothing, and layers of changes over it. */
export class LayeredNames {
  readonly snapshot: CatalogSnapshot | undefined
  /** Bottom first. */
  readonly #layers: readonly Layer[]

  constructor(snapshot: CatalogSnapshot | undefined, layers: readonly Layer[]) {
    this.snapshot = snapshot
    this.#layers = layers
  }

  /** What a name means in a schema; undefined when it means nothing that we know of. */
  find<K extends EntryKind>(kind: K, schema: string, name: string): EntryOf[K] | undefined {
    let at = schema
    for (let index = this.#layers.length - 1; index >= 0; index -= 1) {
      const layer = this.#layers[index]
      const entry = layer?.get(kind, at, name)
      if (entry === null) return undefined
      if (entry !== undefined) return inSchema(entry, schema)
      const change = layer?.schemas.get(at)
      if (change === undefined) continue
      if (change.change === 'dropped') return undefined
      if (change.change === 'created' && change.hides) return undefined
      if (change.change === 'renamed') at = change.from
    }
    const found = this.snapshot?.schemas.get(at)?.entries[kind].get(name)
    return found === undefined ? undefined : inSchema(found, schema)
  }

  /** A schema that exists; undefined when it does not, or is not known. */
  schema(name: string): Schema | undefined {
    let at = name
    let created: Schema | undefined
    for (let index = this.#layers.length - 1; index >= 0; index -= 1) {
      const change = this.#layers[index]?.schemas.get(at)
      if (change === undefined) continue
      if (change.change === 'dropped') return created
      if (change.change === 'renamed') at = change.from
      else {
        created ??= { ...change.schema, name }
        if (change.hides) return created
      }
    }
    const found = this.snapshot?.schemas.get(at)
    return found === undefined ? created : { ...found, name }
  }

  /** Every schema that exists, or as many as we know of without a snapshot; pg_temp first. */
  schemaNames(): ReadonlySet<string> {
    const names = new Set([temporary_schema, ...(this.snapshot?.schemas.keys() ?? [])])
    for (const layer of this.#layers) {
      if (this.snapshot === undefined) for (const name of layer.entrySchemas()) names.add(name)
      for (const [name, change] of layer.schemas) {
        if (change.change === 'dropped') names.delete(name)
        else names.add(name)
      }
    }
    return names
  }

  /**
   * The present name of a relation that a view was made over: views hold on to their bases through
   * renames and moves, of the relation and of its schema.
   */
  current(relation: Relation): Relation | undefined {
    let at = relation
    for (const layer of this.#layers) {
      const changed = layer.relationByOid(at.oid)
      if (changed !== undefined) {
        at = changed
        continue
      }
      for (const [name, change] of layer.schemas) {
        if (change.change === 'renamed' && change.from === at.schema) {
          at = { ...at, schema: name }
          break
        }
      }
    }
    const found = this.find('relation', at.schema, at.name)
    return found ?? (this.snapshot === undefined ? at : undefined)
  }
}

function inSchema<E extends { readonly schema: string }>(entry: E, schema: string): E {
  return entry.schema === schema ? entry : { ...entry, schema }
}
