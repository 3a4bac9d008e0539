import type { Node, RangeVar, RoleSpec } from '@pgsql/types'
import type { OwnerName } from './facts.js'

/** The keys of every member of a union. */
type KeyOfUnion<U> = U extends unknown ? keyof U : never

/** Every kind of node that the grammar of PostgreSQL 18 can produce. */
export type NodeKind = KeyOfUnion<Node>

/** The contents of a node of one kind. */
export type Body<K extends NodeKind> = Extract<Node, { [P in K]: unknown }>[K]

/**
 * Every kind of statement that a client can send. What ends in `Stmt` without being one is named
 * here, so that a kind which a later grammar adds is a compile error wherever all must be handled.
 */
export type StatementKind = Exclude<
  Extract<NodeKind, `${string}Stmt`>,
  'RawStmt' | 'SetOperationStmt' | 'ReturnStmt' | 'PLAssignStmt' | 'ReplicaIdentityStmt'
>

/** The kind of a node: its only key; `''` for the empty node that stands for a missing one. */
export function kindOf(node: Node | undefined): NodeKind | '' {
  for (const key in node) return key as NodeKind
  return ''
}

/** The contents of a node when it is of the given kind, otherwise undefined. */
export function bodyOf<K extends NodeKind>(node: Node | undefined, kind: K): Body<K> | undefined {
  if (node === undefined) return undefined
  return (node as unknown as { readonly [P in K]?: Body<K> })[kind]
}

/** The strings of a list of String nodes; other nodes are left out. */
export function stringsOf(nodes: readonly Node[] | undefined): string[] {
  const found: string[] = []
  if (nodes === undefined) return found
  for (const node of nodes) {
    const body = bodyOf(node, 'String')
    if (body !== undefined) found.push(body.sval ?? '')
  }
  return found
}

/** The items of a List node; a node that is no list is its own single item. */
export function itemsOf(node: Node | undefined): readonly Node[] {
  if (node === undefined) return []
  const list = bodyOf(node, 'List')
  return list === undefined ? [node] : (list.items ?? [])
}

/** The bodies of those nodes of a list that are of the given kind. */
export function bodiesOf<K extends NodeKind>(
  nodes: readonly Node[] | undefined,
  kind: K,
): Body<K>[] {
  const found: Body<K>[] = []
  for (const node of nodes ?? []) {
    const body = bodyOf(node, kind)
    if (body !== undefined) found.push(body)
  }
  return found
}

/** The last parts of a dotted name: object, schema, database. */
export interface QualifiedName {
  readonly catalog?: string
  readonly schema?: string
  readonly name: string
}

/** Splits `[database.][schema.]name` as the parser lists its parts. */
export function qualifiedName(parts: readonly string[]): QualifiedName {
  const name = parts.at(-1) ?? ''
  const schema = parts.at(-2)
  const catalog = parts.at(-3)
  if (schema === undefined) return { name }
  return catalog === undefined ? { schema, name } : { catalog, schema, name }
}

/** The name of a relation as the text gives it. */
export function relationName(relation: RangeVar): QualifiedName {
  const name = relation.relname ?? ''
  if (relation.schemaname === undefined) return { name }
  return relation.catalogname === undefined
    ? { schema: relation.schemaname, name }
    : { catalog: relation.catalogname, schema: relation.schemaname, name }
}

/** True for CREATE TEMP … and for a name that is put into pg_temp. */
export function isTemporary(relation: RangeVar): boolean {
  return relation.relpersistence === 't' || relation.schemaname === 'pg_temp'
}

const role_keywords = {
  ROLESPEC_CSTRING: '',
  ROLESPEC_CURRENT_ROLE: 'current_role',
  ROLESPEC_CURRENT_USER: 'current_user',
  ROLESPEC_SESSION_USER: 'session_user',
  ROLESPEC_PUBLIC: 'public',
} as const satisfies Record<NonNullable<RoleSpec['roletype']>, string>

/** A role's name, or the keyword that stands for it; PUBLIC is `public`. */
export function roleName(role: RoleSpec | undefined): string {
  if (role === undefined) return ''
  return role.rolename ?? role_keywords[role.roletype ?? 'ROLESPEC_CSTRING']
}

/** Who is to own something; undefined where no role is named. */
export function ownerName(role: RoleSpec | undefined): OwnerName | undefined {
  switch (role?.roletype) {
    case 'ROLESPEC_CURRENT_ROLE':
    case 'ROLESPEC_CURRENT_USER':
      return { keyword: 'current_user' }
    case 'ROLESPEC_SESSION_USER':
      return { keyword: 'session_user' }
    default:
      return role?.rolename === undefined ? undefined : { role: role.rolename }
  }
}

/** The digits of a bit string constant, which the parser writes as `b101` or `x1f`. */
function bitString(written: string): string {
  if (!written.startsWith('x')) return written.slice(1)
  let digits = ''
  for (const digit of written.slice(1)) {
    digits += Number.parseInt(digit, 16).toString(2).padStart(4, '0')
  }
  return digits
}

/**
 * The value of a constant as text: null for NULL, undefined when the node is an expression whose
 * value only the server knows. A cast of a constant counts as the constant that is cast.
 */
export function constantOf(node: Node | undefined): string | null | undefined {
  let inner = node
  for (;;) {
    const cast = bodyOf(inner, 'TypeCast')
    if (cast === undefined) break
    inner = cast.arg
  }
  const constant = bodyOf(inner, 'A_Const')
  if (constant === undefined) return undefined
  if (constant.isnull === true) return null
  if (constant.sval !== undefined) return constant.sval.sval ?? ''
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0)
  if (constant.fval !== undefined) return constant.fval.fval ?? ''
  if (constant.boolval !== undefined) return constant.boolval.boolval === true ? 'true' : 'false'
  if (constant.bsval !== undefined) return bitString(constant.bsval.bsval ?? '')
  return undefined
}

/** Reads a boolean as PostgreSQL's defGetBoolean does; undefined when it would refuse the value. */
export function booleanOf(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case 'true':
    case 'on':
    case 'yes':
    case '1':
    case 't':
    case 'y':
      return true
    case 'false':
    case 'off':
    case 'no':
    case '0':
    case 'f':
    case 'n':
      return false
    default:
      return undefined
  }
}
