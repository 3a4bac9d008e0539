import type { Access, ColumnAccess, ObjectReference } from '../sql/facts.js'
import type { Acl } from './acl.js'
import type { Relation } from './entries.js'
import type { RoleGraph } from './roles.js'

/** The accesses that object auditing looks at, with their letters in an acl (acl.h). */
const audited_privileges: Readonly<Partial<Record<Access, string>>> = {
  select: 'r',
  insert: 'a',
  update: 'w',
  delete: 'd',
  execute: 'X',
}

/** System columns have no grants of their own, and pgaudit skips them. */
const system_columns: ReadonlySet<string> = new Set([
  'ctid',
  'xmin',
  'cmin',
  'xmax',
  'cmax',
  'tableoid',
])

/** Whether object auditing looks at any of these accesses at all. */
export function auditable(access: readonly Access[]): boolean {
  return access.some((one) => audited_privileges[one] !== undefined)
}

/** Whose grants count for the audit role; undefined for a superuser, which has everybody's. */
type Grantees = ReadonlySet<string> | undefined

function granteesOf(roles: RoleGraph, role: string): Grantees {
  return roles.isSuperuser(role) ? undefined : roles.privilegesOf(role)
}

/** Grants to PUBLIC have the grantee '', which counts for nobody. */
function grantsAny(acl: Acl | undefined, counted: Grantees, letters: string): boolean {
  if (acl === undefined) return false
  for (const { grantee, privileges } of acl) {
    if (grantee === '' || (counted !== undefined && !counted.has(grantee))) continue
    for (const letter of letters) if (privileges.includes(letter)) return true
  }
  return false
}

/**
 * Whether object auditing by role records a call: when EXECUTE on the function, or on one of its
 * overloads where only the name is known, was granted to the role as below. PostgreSQL's own
 * auditing has no word on calls. Grants that no snapshot has shown cannot be ruled out.
 */
export function auditedCall(roles: RoleGraph, role: string, acl: Acl | undefined): boolean {
  return acl === undefined || grantsAny(acl, granteesOf(roles, role), 'X')
}

/** What a statement does to a relation, and to which of its columns: the part that grants decide. */
export type RelationAccess = Pick<
  ObjectReference,
  'access' | 'columns' | 'columns_apart' | 'columns_perhaps' | 'columns_missing'
>

/**
 * The columns with grants that an access is to. Where they are not known (absent, `*`, a name that
 * is no column and so may be the whole row) or none are named (`count(*)`) it may be any: rather
 * too many records than a missing one.
 */
function columnsAsked(
  use: RelationAccess,
  access: ColumnAccess,
  granted: ReadonlyMap<string, Acl>,
): Iterable<string> {
  const { columns, columns_apart, columns_perhaps = [] } = use
  const named = columns_apart === undefined ? columns : columns_apart[access]
  if (named === undefined) return granted.keys()
  if (access === 'select' && use.columns_missing === true) return granted.keys()
  const unknown = named.some((column) => !granted.has(column) && !system_columns.has(column))
  const perhaps = access === 'select' ? columns_perhaps.filter((name) => granted.has(name)) : []
  // What may be a column of this relation may be another's, and then there is none.
  if (unknown || named.length === 0) return granted.keys()
  return [...named, ...perhaps]
}

/**
 * Whether object auditing by role records this access: when what is done to the relation, or to a
 * column that the statement names, was granted to the role or to one whose privileges it inherits.
 * Ownership and PUBLIC do not count, as in pgaudit; for a superuser everybody's grants do, since it
 * has the privileges of every role (acl.c, has_privs_of_role). Of columns that are read
 * SELECT counts, of columns that are written whatever the statement needs of the relation.
 * Source: pgaudit.c, log_select_dml.
 */
export function audited(
  roles: RoleGraph,
  role: string,
  relation: Relation,
  use: RelationAccess,
): boolean {
  let letters = ''
  for (const one of use.access) letters += audited_privileges[one] ?? ''
  if (letters === '') return false
  const grantees = granteesOf(roles, role)
  if (grantsAny(relation.acl, grantees, letters)) return true
  const granted = relation.details?.columns
  if (granted === undefined) return false
  for (const access of ['select', 'insert', 'update'] as const) {
    if (!use.access.includes(access)) continue
    const counting = access === 'select' ? 'r' : letters
    for (const column of columnsAsked(use, access, granted)) {
      if (grantsAny(granted.get(column), grantees, counting)) return true
    }
  }
  return false
}
