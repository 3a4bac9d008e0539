import { type Schema, system_schema, temporary_schema } from './entries.js'
import type { LayeredNames } from './layered-names.js'
import type { NameContext } from './names.js'

/** A search_path as the server would use it at one moment. */
export interface SearchPath {
  /** Schemas in the order in which relations and types are looked up, pg_temp among them. */
  readonly relations: readonly string[]
  /** The same for functions, which are never looked up in pg_temp (namespace.c). */
  readonly functions: readonly string[]
  /** Where unqualified new objects go; undefined when the path names no usable schema. */
  readonly creation: string | undefined
  /**
   * All that exist of the path, whether the role may use them or not: as long as a change of rights
   * has not been read, a name may be looked up in each of them.
   */
  readonly wide: readonly string[]
  /** False when the path is in doubt, or the role's privileges are a guess. */
  readonly certain: boolean
}

/** Roles that may use every schema without a grant (aclchk.c, pg_namespace_aclmask_ext). */
const all_schemas_roles = ['pg_read_all_data', 'pg_write_all_data'] as const

/** Whether a role has USAGE on a schema: what the server asks before it looks into it. */
export function mayUse(names: LayeredNames, role: string, schema: Schema): boolean {
  const roles = names.snapshot?.roles
  if (roles === undefined || roles.isSuperuser(role)) return true
  const privileges = roles.privilegesOf(role)
  if (all_schemas_roles.some((name) => privileges.has(name))) return true
  if (schema.acl === undefined) return schema.owner !== undefined && privileges.has(schema.owner)
  return schema.acl.some(
    (item) =>
      item.privileges.includes('U') && (item.grantee === '' || privileges.has(item.grantee)),
  )
}

/** With a snapshot only schemas that exist and may be used count; without one all of them do. */
function isUsable(names: LayeredNames, role: string, name: string): boolean {
  const schema = names.schema(name)
  if (schema === undefined) return names.snapshot === undefined
  return mayUse(names, role, schema)
}

function exists(names: LayeredNames, name: string): boolean {
  return names.snapshot === undefined || names.schema(name) !== undefined
}

/** pg_temp and pg_catalog come first where the path does not list them. */
function withImplicit(listed: readonly string[]): readonly string[] {
  const schemas = [...listed]
  if (!listed.includes(system_schema)) schemas.unshift(system_schema)
  if (!listed.includes(temporary_schema)) schemas.unshift(temporary_schema)
  return schemas
}

/**
 * Works out the search path as recomputeNamespacePath does (namespace.c); undefined when the
 * session's search_path is not known.
 */
export function searchPath(names: LayeredNames, context: NameContext): SearchPath | undefined {
  if (context.search_path === undefined) return undefined
  const role = context.current_user
  const listed: string[] = []
  // A path may have many items; each counts where it stands first.
  const existing = new Set<string>()
  const seen = new Set<string>()
  for (const item of context.search_path) {
    const name = item === '$user' ? role : item
    if (seen.has(name)) continue
    // Without a snapshot nobody knows whether a schema has the user's name: it rarely does.
    if (item === '$user' && names.schema(name) === undefined) continue
    seen.add(name)
    if (name === temporary_schema || exists(names, name)) existing.add(name)
    if (name === temporary_schema || isUsable(names, role, name)) listed.push(name)
  }
  const relations = withImplicit(listed)
  return {
    relations,
    functions: relations.filter((name) => name !== temporary_schema),
    wide: withImplicit([...existing]),
    creation: listed[0],
    certain: !context.search_path_doubted && names.snapshot?.roles.get(role) !== undefined,
  }
}
