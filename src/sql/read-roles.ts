import type {
  AccessPriv,
  AlterDefaultPrivilegesStmt,
  AlterRoleSetStmt,
  AlterRoleStmt,
  CreateRoleStmt,
  DropStmt,
  GrantRoleStmt,
  GrantStmt,
  Node,
} from '@pgsql/types'
import { limits } from '../lib/limits.js'
import { addWithRelation, drops_it, names_it } from './definitions.js'
import type { Findings } from './findings.js'
import { namedObject, objectOf, type Use } from './object-names.js'
import { objectKind } from './object-types.js'
import { isTracked } from './read-alter.js'
import type { Readers } from './statement-reader.js'
import { bodiesOf, bodyOf, itemsOf, roleName, stringsOf } from './tree.js'

const grants_it: Use = { class: 'ROLE', access: 'grant' }
const alters_role: Use = { class: 'ROLE', access: 'alter' }

function roleNames(nodes: readonly Node[] | undefined): string[] {
  return bodiesOf(nodes, 'RoleSpec').map(roleName)
}

/**
 * Every privilege for every grantee. Beyond the limit each privilege and each grantee is named
 * once: the pairs of a text multiply, and the text itself is in the record.
 */
function addGrants(
  findings: Findings,
  privileges: readonly string[],
  grantees: readonly string[],
): void {
  const pairs = [...(findings.grants ?? [])]
  const [first_privilege] = privileges
  const [first_grantee] = grantees
  if (first_privilege === undefined || first_grantee === undefined) return
  if (privileges.length * grantees.length <= limits.grants_per_statement) {
    for (const privilege of privileges) {
      for (const grantee of grantees) pairs.push({ privilege, grantee })
    }
  } else {
    for (const privilege of privileges) pairs.push({ privilege, grantee: first_grantee })
    for (const grantee of grantees.slice(1)) pairs.push({ privilege: first_privilege, grantee })
  }
  findings.grants = pairs
}

/** The privileges as `SELECT`, `ALL`, …, each once. */
function privilegeNames(privileges: readonly AccessPriv[]): string[] {
  if (privileges.length === 0) return ['ALL']
  const names = privileges.map(({ priv_name }) => priv_name?.toUpperCase() ?? 'ALL')
  return [...new Set(names)]
}

/** The columns of a GRANT, with `*` where another privilege is on the whole; none where all are. */
function grantedColumns(privileges: readonly AccessPriv[]): readonly string[] {
  const named = privileges.flatMap(({ cols }) => stringsOf(cols))
  if (named.length === 0) return []
  const whole = privileges.some(({ cols }) => cols === undefined)
  return [...new Set(whole ? ['*', ...named] : named)]
}

function readGrant(statement: GrantStmt, findings: Findings): string {
  const privileges = bodiesOf(statement.privileges, 'AccessPriv')
  addGrants(findings, privilegeNames(privileges), roleNames(statement.grantees))
  const columns = grantedColumns(privileges)
  const all = statement.targtype === 'ACL_TARGET_ALL_IN_SCHEMA'
  const type = all ? 'OBJECT_SCHEMA' : statement.objtype
  for (const node of statement.objects ?? []) {
    const object = objectOf(type, node, grants_it)
    if (object === undefined) continue
    findings.add(columns.length > 0 ? { ...object, columns } : object)
  }
  findings.refresh('rights')
  return statement.is_grant === true ? 'GRANT' : 'REVOKE'
}

function readGrantRole(statement: GrantRoleStmt, findings: Findings): string {
  const granted = bodiesOf(statement.granted_roles, 'AccessPriv')
  const names = granted.map(({ priv_name }) => priv_name ?? '')
  for (const name of names) findings.add(namedObject('OBJECT_ROLE', { name }, grants_it))
  addGrants(findings, names, roleNames(statement.grantee_roles))
  findings.refresh('rights', 'roles')
  return statement.is_grant === true ? 'GRANT ROLE' : 'REVOKE ROLE'
}

function readDefaultPrivileges(statement: AlterDefaultPrivilegesStmt, findings: Findings): string {
  for (const option of bodiesOf(statement.options, 'DefElem')) {
    const items = itemsOf(option.arg)
    if (option.defname === 'schemas') {
      for (const name of stringsOf(items)) {
        findings.add(namedObject('OBJECT_SCHEMA', { name }, grants_it))
      }
    } else if (option.defname === 'roles') {
      for (const name of roleNames(items)) {
        findings.add(namedObject('OBJECT_ROLE', { name }, grants_it))
      }
    }
  }
  const { action } = statement
  const privileges = bodiesOf(action?.privileges, 'AccessPriv')
  addGrants(findings, privilegeNames(privileges), roleNames(action?.grantees))
  findings.refresh('rights')
  return 'ALTER DEFAULT PRIVILEGES'
}

/** The memberships that the options of CREATE ROLE and ALTER GROUP grant. */
function addMemberships(
  findings: Findings,
  role: string,
  options: readonly Node[] | undefined,
): void {
  for (const option of bodiesOf(options, 'DefElem')) {
    const names = roleNames(itemsOf(option.arg))
    if (option.defname === 'addroleto') addGrants(findings, names, [role])
    else if (option.defname === 'rolemembers' || option.defname === 'adminmembers') {
      addGrants(findings, [role], names)
    }
  }
}

function readCreateRole(statement: CreateRoleStmt, findings: Findings): string {
  const name = statement.role ?? ''
  const use: Use = { class: 'ROLE', access: 'create' }
  findings.add({ ...namedObject('OBJECT_ROLE', { name }, use), creates: true })
  addMemberships(findings, name, statement.options)
  findings.refresh('rights', 'roles')
  return 'CREATE ROLE'
}

function readAlterRole(statement: AlterRoleStmt, findings: Findings): string {
  const name = roleName(statement.role)
  findings.add(namedObject('OBJECT_ROLE', { name }, alters_role))
  addMemberships(findings, name, statement.options)
  const options = bodiesOf(statement.options, 'DefElem')
  const superuser = options.some(({ defname }) => defname === 'superuser')
  findings.refresh('rights', 'roles', ...(superuser ? (['objects'] as const) : []))
  return 'ALTER ROLE'
}

function readAlterRoleSet(statement: AlterRoleSetStmt, findings: Findings): string {
  // ALTER ROLE ALL names no role.
  if (statement.role !== undefined) {
    findings.add(namedObject('OBJECT_ROLE', { name: roleName(statement.role) }, alters_role))
  }
  if (statement.database !== undefined) {
    findings.add(namedObject('OBJECT_DATABASE', { name: statement.database }, alters_role))
  }
  findings.refresh('rights', 'roles')
  return 'ALTER ROLE'
}

function readDrop(statement: DropStmt, findings: Findings): string {
  const { removeType, objects } = statement
  const missing_ok = statement.missing_ok === true
  for (const node of objects ?? []) {
    const object = objectOf(removeType, node, drops_it)
    if (object === undefined) continue
    addWithRelation(findings, object)
    if (removeType === 'OBJECT_SCHEMA') {
      findings.catalog({ change: 'drop_schema', name: bodyOf(node, 'String')?.sval ?? '' })
    } else if (isTracked(object)) findings.catalog({ change: 'drop', object, missing_ok })
  }
  // What else goes with them is for the server to say.
  const cascades = statement.behavior === 'DROP_CASCADE'
  if (cascades || removeType === 'OBJECT_EXTENSION') findings.refresh('objects')
  return `DROP ${objectKind(removeType).tag}`
}

type RoleKind =
  | 'AlterDefaultPrivilegesStmt'
  | 'AlterRoleSetStmt'
  | 'AlterRoleStmt'
  | 'CreateRoleStmt'
  | 'DropOwnedStmt'
  | 'DropRoleStmt'
  | 'DropStmt'
  | 'GrantRoleStmt'
  | 'GrantStmt'
  | 'ReassignOwnedStmt'

/** Readers for roles and rights, and for what takes objects away. */
export const role_readers: Readers<RoleKind> = {
  AlterDefaultPrivilegesStmt: readDefaultPrivileges,
  AlterRoleSetStmt: readAlterRoleSet,
  AlterRoleStmt: readAlterRole,
  CreateRoleStmt: readCreateRole,
  DropOwnedStmt: ({ roles }, findings) => {
    for (const name of roleNames(roles)) {
      findings.add(namedObject('OBJECT_ROLE', { name }, names_it))
    }
    // Temporary objects go as well, and those no reading of the catalog shows.
    findings.opaque(['temporary'])
    findings.refresh('rights', 'objects')
    return 'DROP OWNED'
  },
  DropRoleStmt: ({ roles }, findings) => {
    for (const name of roleNames(roles)) {
      findings.add(namedObject('OBJECT_ROLE', { name }, { class: 'ROLE', access: 'drop' }))
    }
    findings.refresh('rights', 'roles')
    return 'DROP ROLE'
  },
  DropStmt: readDrop,
  GrantRoleStmt: readGrantRole,
  GrantStmt: readGrant,
  ReassignOwnedStmt: ({ roles, newrole }, findings) => {
    for (const name of [...roleNames(roles), roleName(newrole)]) {
      findings.add(namedObject('OBJECT_ROLE', { name }, names_it))
    }
    findings.refresh('rights')
    return 'REASSIGN OWNED'
  },
}
