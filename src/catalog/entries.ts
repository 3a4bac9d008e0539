import type { Acl } from './acl.js'

/** A relation: table, view, index, sequence, composite type. */
export interface Relation {
  /** pg_class.oid; negative for what a session has made and no snapshot has shown yet. */
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relkind; '' when it is not known. */
  readonly kind: string
  readonly owner: string | undefined
  readonly acl: Acl | undefined
  readonly details: RelationDetails | undefined
}

/** What few relations have; apart, so that a hundred thousand others stay small. */
export interface RelationDetails {
  /** Every column with its own grants, of relations where at least one column has some. */
  readonly columns?: ReadonlyMap<string, Acl>
  /** The relations that a view's query names. */
  readonly bases?: readonly Relation[]
  /** A temporary table that ends with its transaction. */
  readonly on_commit_drop?: boolean
}

/** All functions, procedures and aggregates of one name in one schema. */
export interface FunctionEntry {
  readonly schema: string
  readonly name: string
  /** Undefined when overloads have different owners. */
  readonly owner: string | undefined
  readonly overloads: number
  /** `(integer, text)` and FUNCTION, PROCEDURE or AGGREGATE where there is one overload alone. */
  readonly arguments?: string
  readonly type?: string
  /** The grants on all overloads; undefined for what no snapshot has shown yet. */
  readonly acl: Acl | undefined
}

/** The arguments of a function, shared by all that take the same. */
export interface FunctionArguments {
  /** Type OIDs. */
  readonly types: readonly number[]
  /** `(integer, text)`, as DDL names a function. */
  readonly text: string
}

/** One function, as its oid names it. */
export interface KnownFunction {
  readonly schema: string
  readonly name: string
  readonly owner: string | undefined
  readonly acl: Acl
  readonly arguments: FunctionArguments
}

/** A type or domain that is not a relation's row type or an array. */
export interface TypeEntry {
  readonly schema: string
  readonly name: string
  readonly owner: string | undefined
}

/** What lives in a schema under a name that we look up, by kind. */
export interface EntryOf {
  readonly relation: Relation
  readonly function: FunctionEntry
  readonly type: TypeEntry
}

/** The namespaces of a schema. */
export type EntryKind = keyof EntryOf

export const entry_kinds = ['relation', 'function', 'type'] as const satisfies EntryKind[]

/** A schema itself. */
export interface Schema {
  readonly name: string
  readonly owner: string | undefined
  /** NULL in the catalog: only the owner may use it. */
  readonly acl: Acl | undefined
}

/** The temporary schema of the session at hand, as the server's parser and pgaudit name it. */
export const temporary_schema = 'pg_temp'

/** The schema of the server's own objects, searched first unless the path lists it. */
export const system_schema = 'pg_catalog'
