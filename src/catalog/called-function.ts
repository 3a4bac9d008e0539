import type { KnownFunction } from './entries.js'
import { auditedCall } from './grants.js'
import type { LayeredNames } from './layered-names.js'
import type { CalledFunction } from './names.js'
import { quoteQualified } from './quote-identifier.js'
import type { AuditScope } from './resolve.js'

/** What is found is one object for ever, so that what hangs on it can be kept beside it. */
const certain = new WeakMap<KnownFunction, CalledFunction>()

/**
 * The function of an oid in the snapshot below. Where a session has renamed, moved or dropped it
 * since, its oid may still be called, but that it is called so is a guess.
 */
export function calledFunction(
  names: LayeredNames,
  oid: number,
  audit: AuditScope | undefined,
): CalledFunction | undefined {
  const { snapshot } = names
  const known = snapshot?.functions.get(oid)
  if (snapshot === undefined || known === undefined) return undefined
  const called = certain.get(known) ?? described(known)
  certain.set(known, called)
  const unchanged = names.find('function', known.schema, known.name) !== undefined
  const audited =
    audit !== undefined && (audit.in_doubt || auditedCall(snapshot.roles, audit.role, known.acl))
  if (unchanged && !audited) return called
  return { ...called, ...(audited ? { audited } : {}), resolved: unchanged ? 'catalog' : 'assumed' }
}

function described({ schema, name, owner, arguments: list }: KnownFunction): CalledFunction {
  return {
    schema,
    name,
    title: `${quoteQualified(schema, name)}${list.text}`,
    owner,
    argument_types: list.types,
    resolved: 'catalog',
  }
}
