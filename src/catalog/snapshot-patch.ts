import { isDeepStrictEqual } from 'node:util'
import type { Relation } from './entries.js'
import type { Bucket, CatalogSnapshot, SnapshotSchema } from './snapshot.js'

/** What a patch changes of a snapshot; all else is shared with the one before. */
type Patched = Pick<CatalogSnapshot, 'buckets' | 'schemas' | 'relation_count'>

/**
 * A snapshot with the relations of some ranges of oids exchanged. The snapshot before stays as it is:
 * the schemas that change are copied, which takes milliseconds for very many relations.
 */
export class SnapshotPatch {
  readonly #previous: CatalogSnapshot
  readonly #marks: ReadonlyMap<number, string>
  readonly #buckets: Map<number, Bucket>
  readonly #schemas: Map<string, SnapshotSchema>
  readonly #copied = new Map<string, Map<string, Relation>>()
  #relation_count: number

  constructor(previous: CatalogSnapshot, marks: ReadonlyMap<number, string>) {
    this.#previous = previous
    this.#marks = marks
    this.#buckets = new Map(previous.buckets)
    this.#schemas = new Map(previous.schemas)
    this.#relation_count = previous.relation_count
  }

  /** Takes what was read of a range; false when that touches a view, which holds on to others. */
  replace(bucket: number, read: readonly Relation[]): boolean {
    const before = new Map(
      this.#previous.buckets.get(bucket)?.relations.map((relation) => [relation.oid, relation]),
    )
    const now: Relation[] = []
    const changed: Relation[] = []
    for (const relation of read) {
      const known = before.get(relation.oid)
      before.delete(relation.oid)
      const next = known === undefined ? relation : { ...relation, details: known.details }
      if (known !== undefined && isDeepStrictEqual(known, next)) {
        now.push(known)
        continue
      }
      if (this.#holdsOn(next) || (known !== undefined && this.#holdsOn(known))) return false
      if (known !== undefined) this.#remove(known)
      now.push(next)
      changed.push(next)
    }
    for (const gone of before.values()) {
      if (this.#holdsOn(gone)) return false
      this.#remove(gone)
    }
    for (const relation of changed) this.#put(relation)
    const mark = this.#marks.get(bucket)
    if (mark === undefined) this.#buckets.delete(bucket)
    else this.#buckets.set(bucket, { mark, relations: now })
    return true
  }

  result(): Patched {
    return {
      buckets: this.#buckets,
      schemas: this.#schemas,
      relation_count: this.#relation_count,
    }
  }

  #holdsOn({ kind, oid }: Relation): boolean {
    return kind === 'v' || this.#previous.bases.has(oid)
  }

  #remove({ schema, name, oid }: Relation): void {
    const relations = this.#relationsOf(schema)
    this.#relation_count -= 1
    // Another one of that name may have been read already.
    if (relations?.get(name)?.oid === oid) relations.delete(name)
  }

  #put(relation: Relation): void {
    this.#relationsOf(relation.schema)?.set(relation.name, relation)
    this.#relation_count += 1
  }

  #relationsOf(name: string): Map<string, Relation> | undefined {
    const copied = this.#copied.get(name)
    if (copied !== undefined) return copied
    const schema = this.#schemas.get(name)
    if (schema === undefined) return undefined
    const relation = new Map(schema.entries.relation)
    this.#schemas.set(name, { ...schema, entries: { ...schema.entries, relation } })
    this.#copied.set(name, relation)
    return relation
  }
}
