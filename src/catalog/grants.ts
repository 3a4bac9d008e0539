import type { Access } from '../sql/facts.js'
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

/** Grants to PUBLIC have the grantee '', which is never among a role's own. */
function grantsAny(acl: Acl | undefined, roles: ReadonlySet<string>, letters: string): boolean {
  if (acl === undefined) return false
  for (const { grantee, privileges } of acl) {
    if (!roles.has(grantee)) continue
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
  return acl === undefined || grantsAny(acl, roles.privilegesOf(role), 'X')
}

/**
 * Whether object auditing by role records this access: when what is done to the relation, or to a
 * column that the statement names, was granted to the role or to one whose privileges it inherits.
 * Ownership, PUBLIC and being a superuser do not count, as in pgaudit. Where the columns are not
 * known (absent, empty, `*`, a name that is no column and so may be the whole row) any column's
 * grant matches: rather too many records than a missing one.
 */
export function audited(
  roles: RoleGraph,
  role: string,
  relation: Relation,
  access: readonly Access[],
  columns: readonly string[] | undefined,
): boolean {
  let letters = ''
  for (const one of access) letters += audited_privileges[one] ?? ''
  if (letters === '') return false
  const grantees = roles.privilegesOf(role)
  if (grantsAny(relation.acl, grantees, letters)) return true
  const granted = relation.details?.columns
  if (granted === undefined) return false
  const unknown =
    columns === undefined ||
    columns.length === 0 ||
    columns.some((column) => !granted.has(column) && !system_columns.has(column))
  const asked = unknown ? granted.keys() : columns
  for (const column of asked) {
    if (grantsAny(granted.get(column), grantees, letters)) return true
  }
  return false
}
