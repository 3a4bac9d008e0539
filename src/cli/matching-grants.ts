import type { Acl } from '../catalog/acl.js'
import type { Relation } from '../catalog/entries.js'
import type { ResolvedObject } from '../catalog/names.js'
import { quoteIdentifier, quoteQualified } from '../catalog/quote-identifier.js'
import type { CatalogSnapshot } from '../catalog/snapshot.js'

/** The privileges that object auditing looks at, by their letters in an acl (acl.h). */
const letters = { select: 'r', insert: 'a', update: 'w', delete: 'd', execute: 'X' } as const

function isAudited(access: string): access is keyof typeof letters {
  return Object.hasOwn(letters, access)
}

/**
 * Which grants speak for an access that object auditing has marked: `SELECT on column name to
 * auditor`. Empty where no grant does, since nobody knows of one and it cannot be ruled out.
 */
export function matchingGrants(
  snapshot: CatalogSnapshot,
  role: string,
  object: ResolvedObject,
): readonly string[] {
  const relation = relationOf(snapshot, object.name)
  if (relation === undefined) return []
  const grantees = snapshot.roles.privilegesOf(role)
  return object.access.filter(isAudited).flatMap((access) => {
    const held = (acl: Acl | undefined, where: string) =>
      (acl ?? [])
        .filter(({ grantee, privileges }) => {
          return grantees.has(grantee) && privileges.includes(letters[access])
        })
        .map(({ grantee }) => `${access.toUpperCase()}${where} to ${quoteIdentifier(grantee)}`)
    const columns = [...(relation.details?.columns ?? [])].filter(
      ([name]) =>
        object.columns === undefined ||
        object.columns.includes('*') ||
        object.columns.includes(name),
    )
    const whole = held(relation.acl, '')
    if (whole.length > 0) return whole
    return columns.flatMap(([name, acl]) => held(acl, ` on column ${quoteIdentifier(name)}`))
  })
}

function relationOf(snapshot: CatalogSnapshot, title: string): Relation | undefined {
  for (const schema of snapshot.schemas.values()) {
    if (!title.startsWith(quoteIdentifier(schema.name))) continue
    for (const relation of schema.entries.relation.values()) {
      if (quoteQualified(schema.name, relation.name) === title) return relation
    }
  }
  return undefined
}
