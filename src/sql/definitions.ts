import type { Node, RangeVar } from '@pgsql/types'
import type { ObjectReference } from './facts.js'
import type { Findings } from './findings.js'
import { namedObject, type Use } from './object-names.js'
import { type Body, bodiesOf, isTemporary, relationName } from './tree.js'

/** How DDL uses what it makes, changes, removes or merely names. */
export const creates_it: Use = { class: 'DDL', access: 'create' }
export const alters_it: Use = { class: 'DDL', access: 'alter' }
export const drops_it: Use = { class: 'DDL', access: 'drop' }
export const names_it: Use = { class: 'DDL', access: 'reference' }

/** The types of relation that DDL makes, with their pg_class.relkind. */
export const relation_kinds = {
  OBJECT_TABLE: 'r',
  OBJECT_VIEW: 'v',
  OBJECT_MATVIEW: 'm',
  OBJECT_SEQUENCE: 'S',
  OBJECT_FOREIGN_TABLE: 'f',
} as const

/** Adds an object that the statement makes, with the change of the catalog that follows. */
export function createObject(
  findings: Findings,
  object: ObjectReference,
  details: {
    readonly relkind: string
    readonly columns?: readonly string[] | undefined
    readonly if_not_exists: boolean
    readonly sources?: readonly ObjectReference[] | undefined
    readonly on_commit_drop?: boolean | undefined
  },
): void {
  const placed = findings.place({ ...object, creates: true })
  findings.add(placed)
  const { relkind, columns, if_not_exists, sources, on_commit_drop } = details
  findings.catalog({
    change: 'create',
    object: placed,
    relkind,
    ...(columns === undefined ? {} : { columns }),
    if_not_exists,
    ...(sources === undefined ? {} : { sources }),
    ...(on_commit_drop === true ? { on_commit_drop } : {}),
  })
}

/** Adds a relation that the statement makes. */
export function createRelation(
  findings: Findings,
  relation: RangeVar,
  type: keyof typeof relation_kinds,
  details: {
    readonly relkind?: string
    readonly columns?: readonly string[] | undefined
    readonly if_not_exists?: boolean | undefined
    readonly sources?: readonly ObjectReference[]
    readonly on_commit_drop?: boolean
  },
): void {
  const named = namedObject(type, relationName(relation), creates_it)
  createObject(findings, isTemporary(relation) ? { ...named, temporary: true } : named, {
    relkind: details.relkind ?? relation_kinds[type],
    columns: details.columns,
    sources: details.sources,
    on_commit_drop: details.on_commit_drop,
    if_not_exists: details.if_not_exists === true,
  })
}

/**
 * Adds an object and, when it hangs on a relation, that relation as well: whoever watches a table
 * wants to see its triggers, rules and policies change.
 */
export function addWithRelation(findings: Findings, object: ObjectReference | undefined): void {
  if (object === undefined) return
  findings.add(object)
  if (object.on !== undefined) {
    findings.add(namedObject('OBJECT_TABLE', object.on, { class: object.class, access: 'alter' }))
  }
}

/**
 * The column names of a definition; undefined when it takes columns from elsewhere as well.
 */
export function columnNames(elements: readonly Node[] | undefined): string[] {
  return bodiesOf(elements, 'ColumnDef').map((column: Body<'ColumnDef'>) => column.colname ?? '')
}
