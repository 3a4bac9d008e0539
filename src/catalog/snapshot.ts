import { type Acl, parseAcl } from './acl.js'
import { bucketOf } from './catalog-queries.js'
import type {
  EntryKind,
  EntryOf,
  FunctionArguments,
  FunctionEntry,
  KnownFunction,
  Relation,
  RelationDetails,
  Schema,
  TypeEntry,
} from './entries.js'
import { type Membership, type Role, RoleGraph } from './roles.js'
import { SnapshotPatch } from './snapshot-patch.js'

/** A schema with all that lives in it. */
export interface SnapshotSchema extends Schema {
  readonly entries: { readonly [K in EntryKind]: ReadonlyMap<string, EntryOf[K]> }
}

/** One row of pg_db_role_setting, split: '' stands for "any". */
export interface DefaultSetting {
  readonly database: boolean
  readonly role: string
  readonly name: string
  readonly value: string
}

/** One row of pg_default_acl: what new objects of a role are granted. */
export interface DefaultAcl {
  readonly role: string
  /** '' when it holds in every schema. */
  readonly schema: string
  /** `r` for relations, `S` for sequences. */
  readonly object_type: string
  readonly acl: Acl
}

/** The relations of a range of oids. */
export interface Bucket {
  /** Equal marks mean equal relations. */
  readonly mark: string
  readonly relations: readonly Relation[]
}

/** One database's names at one moment. Immutable; shared by all sessions of the database. */
export interface CatalogSnapshot {
  readonly database: string
  readonly server_version: string
  /** Equal fingerprints mean equal in all but relations, so that what is unchanged is not read again. */
  readonly fingerprint: string
  /** The relations once more, by range of oids. */
  readonly buckets: ReadonlyMap<number, Bucket>
  readonly schemas: ReadonlyMap<string, SnapshotSchema>
  /** Names of the schemas by oid. */
  readonly schema_names: ReadonlyMap<string, string>
  /** Oids of all relations that a view is made of. */
  readonly bases: ReadonlySet<number>
  /** Every function by its oid, those of the server included. */
  readonly functions: ReadonlyMap<number, KnownFunction>
  readonly roles: RoleGraph
  readonly default_acls: readonly DefaultAcl[]
  readonly relation_count: number
  /** Settings that a new session of this user starts with, as far as the catalogs tell. */
  default_settings(user: string): ReadonlyMap<string, string>
}

/** A row of the side connection's queries: every value as text. */
export type Row = readonly (string | null)[]

function required(row: Row, column: number): string {
  const value = row[column]
  if (value === null || value === undefined) {
    throw new Error(`the catalog query gave NULL in column ${column} where it never should`)
  }
  return value
}

const no_grants: Acl = []

/** What pg_proc.prokind says, in pgaudit's words; window functions are functions to it. */
const routine_types: Readonly<Record<string, string>> = { p: 'PROCEDURE', a: 'AGGREGATE' }

interface BuiltSchema extends Schema {
  readonly entries: {
    readonly relation: Map<string, Relation>
    readonly function: Map<string, FunctionEntry>
    readonly type: Map<string, TypeEntry>
  }
}

/** Facts of a snapshot that are not rows. */
export interface SnapshotHeader {
  readonly database: string
  readonly server_version: string
  readonly fingerprint: string
  /** The mark of each range of oids. */
  readonly marks: ReadonlyMap<number, string>
  /** The server's own search_path, weaker than every ALTER ROLE or DATABASE … SET. */
  readonly search_path: string
}

/**
 * Makes a snapshot from rows. Order of calls: roles, schemas, column grants, relations, then the
 * rest, since later rows refer to earlier ones by oid.
 */
export class SnapshotBuilder {
  readonly #roles: Role[] = []
  readonly #role_names = new Map<string, string>()
  readonly #memberships: Membership[] = []
  readonly #schemas = new Map<string, BuiltSchema>()
  readonly #schemas_by_oid = new Map<string, BuiltSchema>()
  readonly #columns = new Map<string, Map<string, Acl>>()
  readonly #functions = new Map<number, KnownFunction>()
  readonly #arguments = new Map<string, FunctionArguments>()
  readonly #relations = new Map<number, { schema: BuiltSchema; relation: Relation }>()
  readonly #bases = new Set<number>()
  readonly #settings: DefaultSetting[] = []
  readonly #default_acls: DefaultAcl[] = []
  /** Most relations have one of a few lists: each distinct text is parsed and kept once. */
  readonly #acls = new Map<string, Acl>()

  /** oid, name, superuser. */
  addRole(row: Row): void {
    const name = required(row, 1)
    this.#roles.push({ oid: Number(required(row, 0)), name, superuser: row[2] === 't' })
    this.#role_names.set(required(row, 0), name)
  }

  /** role oid, member oid, inherit. */
  addMembership(row: Row): void {
    const role = this.#role_names.get(required(row, 0))
    const member = this.#role_names.get(required(row, 1))
    if (role === undefined || member === undefined) return
    this.#memberships.push({ role, member, inherit: row[2] === 't' })
  }

  /** The roles so far, for what must be known before the rest is read. */
  roleGraph(): RoleGraph {
    return new RoleGraph(this.#roles, this.#memberships)
  }

  /** oid, name, owner oid, acl. */
  addSchema(row: Row): void {
    const schema: BuiltSchema = {
      name: required(row, 1),
      owner: this.#owner(row[2]),
      acl: this.#acl(row[3]),
      entries: { relation: new Map(), function: new Map(), type: new Map() },
    }
    this.#schemas.set(schema.name, schema)
    this.#schemas_by_oid.set(required(row, 0), schema)
  }

  /** relation oid, column, acl: every column of relations where at least one has grants. */
  addColumn(row: Row): void {
    const oid = required(row, 0)
    let columns = this.#columns.get(oid)
    if (columns === undefined) {
      columns = new Map()
      this.#columns.set(oid, columns)
    }
    columns.set(required(row, 1), this.#acl(row[2]) ?? [])
  }

  /** oid, schema oid, name, relkind, owner oid, acl. */
  addRelation(row: Row): void {
    const schema = this.#schemas_by_oid.get(required(row, 1))
    if (schema === undefined) return
    const oid = required(row, 0)
    const columns = this.#columns.get(oid)
    const relation: Relation = {
      oid: Number(oid),
      schema: schema.name,
      name: required(row, 2),
      kind: required(row, 3),
      owner: this.#owner(row[4]),
      acl: this.#acl(row[5]),
      details: columns === undefined ? undefined : { columns },
    }
    schema.entries.relation.set(relation.name, relation)
    this.#relations.set(relation.oid, { schema, relation })
  }

  /** view oid, oids of the relations that it names, comma-separated. */
  addView(row: Row): void {
    const view = this.#relations.get(Number(required(row, 0)))
    if (view === undefined) return
    const details: RelationDetails & { bases: Relation[] } = {
      ...view.relation.details,
      bases: [],
    }
    // The object is changed in place while nobody else has seen it: views may refer to views that
    // come later in the rows.
    Object.assign(view.relation, { details })
    for (const oid of required(row, 1).split(',')) {
      const base = this.#relations.get(Number(oid))
      if (base === undefined || base === view) continue
      details.bases.push(base.relation)
      this.#bases.add(base.relation.oid)
    }
  }

  /** oids of argument types divided by blanks, the same in words. */
  addArguments(row: Row): void {
    const oids = required(row, 0)
    const types = oids === '' ? [] : oids.split(' ').map(Number)
    this.#arguments.set(oids, { types, text: `(${required(row, 1)})` })
  }

  /** oid, schema oid, name, owner oid, oids of argument types, acl, kind. */
  addFunction(row: Row): void {
    const schema = this.#schemas_by_oid.get(required(row, 1))
    const argument_list = this.#arguments.get(required(row, 4))
    if (schema === undefined || argument_list === undefined) return
    const name = required(row, 2)
    const owner = this.#owner(row[3])
    // Nothing but PUBLIC's own EXECUTE, for most.
    const acl = this.#acl(row[5]) ?? no_grants
    const others = schema.entries.function.get(name)
    schema.entries.function.set(name, {
      schema: schema.name,
      name,
      owner: others === undefined || others.owner === owner ? owner : undefined,
      overloads: (others?.overloads ?? 0) + 1,
      ...(others === undefined
        ? { arguments: argument_list.text, type: routine_types[row[6] ?? ''] ?? 'FUNCTION' }
        : {}),
      acl: others?.acl === undefined || others.acl.length === 0 ? acl : [...others.acl, ...acl],
    })
    const known = { schema: schema.name, name, owner, acl, arguments: argument_list }
    this.#functions.set(Number(required(row, 0)), known)
  }

  /** schema oid, name, owner oid. */
  addType(row: Row): void {
    const schema = this.#schemas_by_oid.get(required(row, 0))
    if (schema === undefined) return
    const name = required(row, 1)
    schema.entries.type.set(name, { schema: schema.name, name, owner: this.#owner(row[2]) })
  }

  /** for this database, role oid or 0, `name=value`. */
  addSetting(row: Row): void {
    const text = required(row, 2)
    const separator = text.indexOf('=')
    const role = row[1] === '0' ? '' : this.#owner(row[1])
    if (role === undefined) return
    this.#settings.push({
      database: row[0] === 't',
      role,
      name: text.slice(0, separator).toLowerCase(),
      value: text.slice(separator + 1),
    })
  }

  /** role oid, schema oid or 0, object type, acl. */
  addDefaultAcl(row: Row): void {
    const role = this.#owner(row[0])
    const schema = row[1] === '0' ? '' : this.#schemas_by_oid.get(required(row, 1))?.name
    const acl = this.#acl(row[3])
    if (role === undefined || schema === undefined || acl === undefined) return
    this.#default_acls.push({ role, schema, object_type: required(row, 2), acl })
  }

  build(header: SnapshotHeader): CatalogSnapshot {
    const settings: readonly DefaultSetting[] = this.#settings
    return Object.freeze({
      database: header.database,
      server_version: header.server_version,
      fingerprint: header.fingerprint,
      buckets: this.#buckets(header.marks),
      schemas: this.#schemas,
      schema_names: new Map([...this.#schemas_by_oid].map(([oid, { name }]) => [oid, name])),
      bases: this.#bases,
      functions: this.#functions,
      roles: this.roleGraph(),
      default_acls: this.#default_acls,
      relation_count: this.#relations.size,
      default_settings: (user: string) => defaultSettings(header.search_path, settings, user),
    })
  }

  /**
   * The previous snapshot with the relations of some ranges read again, when all else is as it was;
   * undefined where a view, or what one is made of, has changed: then everything must be read.
   * Roles are all that this builder has been given by then.
   */
  patched(
    previous: CatalogSnapshot,
    rows: ReadonlyMap<number, readonly Row[]>,
    marks: ReadonlyMap<number, string>,
  ): CatalogSnapshot | undefined {
    const patch = new SnapshotPatch(previous, marks)
    for (const [bucket, relations] of rows) {
      const read = relations.flatMap((row) => this.#relation(row, previous.schema_names) ?? [])
      if (!patch.replace(bucket, read)) return undefined
    }
    return Object.freeze({ ...previous, ...patch.result() })
  }

  #buckets(marks: ReadonlyMap<number, string>): Map<number, Bucket> {
    const relations = new Map<number, Relation[]>()
    for (const { relation } of this.#relations.values()) {
      const bucket = bucketOf(relation.oid)
      const list = relations.get(bucket)
      if (list === undefined) relations.set(bucket, [relation])
      else list.push(relation)
    }
    return new Map(
      [...marks].map(([bucket, mark]) => [
        bucket,
        { mark, relations: relations.get(bucket) ?? [] },
      ]),
    )
  }

  #relation(row: Row, schema_names: ReadonlyMap<string, string>): Relation | undefined {
    const schema = schema_names.get(required(row, 1))
    if (schema === undefined) return undefined
    return {
      oid: Number(required(row, 0)),
      schema,
      name: required(row, 2),
      kind: required(row, 3),
      owner: this.#owner(row[4]),
      acl: this.#acl(row[5]),
      details: undefined,
    }
  }

  #owner(oid: string | null | undefined): string | undefined {
    return oid === null || oid === undefined ? undefined : this.#role_names.get(oid)
  }

  #acl(text: string | null | undefined): Acl | undefined {
    if (text === null || text === undefined) return undefined
    let acl = this.#acls.get(text)
    if (acl === undefined) {
      acl = parseAcl(text)
      this.#acls.set(text, acl)
    }
    return acl
  }
}

/**
 * Merges the defaults weakest first, in the order of process_settings (postinit.c): the server,
 * ALTER ROLE ALL, ALTER DATABASE, ALTER ROLE, ALTER ROLE … IN DATABASE.
 */
function defaultSettings(
  search_path: string,
  settings: readonly DefaultSetting[],
  user: string,
): ReadonlyMap<string, string> {
  const merged = new Map([['search_path', search_path]])
  const strength = (setting: DefaultSetting) =>
    (setting.role === '' ? 0 : 2) + (setting.database ? 1 : 0)
  const relevant = settings
    .filter((setting) => setting.role === '' || setting.role === user)
    .sort((one, other) => strength(one) - strength(other))
  for (const { name, value } of relevant) merged.set(name, value)
  return merged
}
