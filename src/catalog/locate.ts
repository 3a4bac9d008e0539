import { type Doubts, hasDoubt, no_doubts } from './doubts.js'
import {
  type EntryKind,
  type EntryOf,
  type Relation,
  type Schema,
  system_schema,
  temporary_schema,
} from './entries.js'
import type { LayeredNames } from './layered-names.js'
import type { NameContext, Resolved, Unsettled } from './names.js'
import { type SearchPath, searchPath } from './search-path.js'

/** Temporary relations that we do not know of may hide others: any, or those of certain names. */
export type HiddenNames = 'none' | 'any' | ReadonlySet<string>

/** Everything that the meaning of a name depends on. */
export interface NameScope {
  readonly names: LayeredNames
  readonly context: NameContext
  readonly path: SearchPath | undefined
  readonly hidden: HiddenNames
  /**
   * Rights that matter to this role have changed, or a CASCADE has dropped what no text names, since
   * the last reading.
   */
  readonly unread: boolean
  /** What other sessions have just changed, of which nobody knows yet what it was. */
  readonly unsettled: Unsettled
  /**
   * The same by a newer reading, where this is the scope of a statement that was answered before it:
   * for names that this one does not have.
   */
  readonly later?: NameScope
}

/** Makes the scope of one statement. */
export function nameScope(
  names: LayeredNames,
  context: NameContext,
  unsure: {
    readonly hidden: HiddenNames
    readonly doubts: Doubts
    readonly unsettled: Unsettled
  },
): NameScope {
  const { hidden, doubts } = unsure
  // A superuser may do everything, whatever the rights; who is one is a doubt of `objects`.
  const above = names.snapshot?.roles.isSuperuser(context.current_user) === true
  const unread = hasDoubt(doubts, 'objects') || (doubts !== no_doubts && !above)
  // What an extension has made, nobody knows before the next reading.
  const unnamed = hasDoubt(doubts, 'names') && unsure.unsettled === 'nothing'
  const unsettled = unnamed ? 'names' : unsure.unsettled
  return { names, context, path: searchPath(names, context), hidden, unread, unsettled }
}

/** A name as the text has it. */
export interface TextName {
  readonly schema?: string
  readonly name: string
}

/** Where a name leads. */
export interface Place {
  /** Undefined when no schema could be named. */
  readonly schema: string | undefined
  /** What is there; undefined when we only suppose that something is. */
  readonly entry: EntryOf[EntryKind] | undefined
  readonly resolved: Resolved
  /** The name should be in the snapshot and is not. */
  readonly missing: boolean
  /** The relations that it may be, when the search path is unknown and several fit. */
  readonly candidates?: readonly Relation[]
}

/** Schemas that snapshots leave out: other sessions' temporary objects, and TOAST tables. */
const unloaded_schema = /^pg_(toast|temp_\d+|toast_temp_\d+)$/

/** The entry of a name in one schema; a relation's row type is a type as well. */
function probe(
  names: LayeredNames,
  kind: EntryKind,
  schema: string,
  name: string,
): EntryOf[EntryKind] | undefined {
  const found = names.find(kind, schema, name)
  if (found !== undefined || kind !== 'type') return found
  return names.find('relation', schema, name)
}

/** Finds what a name means in the session's scope. */
export function locate(scope: NameScope, kind: EntryKind, text: TextName): Place {
  const found = locateIn(scope, kind, text)
  const place =
    found.missing && scope.later !== undefined ? locateIn(scope.later, kind, text) : found
  return place.resolved === 'catalog' && mayBeAnother(scope, kind, text, place)
    ? { ...place, resolved: 'assumed' }
    : place
}

/** Whether what others have changed without our knowing what may have made another thing of a name. */
function mayBeAnother(scope: NameScope, kind: EntryKind, text: TextName, place: Place): boolean {
  const { names, context, path, unsettled } = scope
  if (unsettled === 'nothing') return false
  const { schema, entry } = place
  // A view may have another query now, which names other relations.
  if (entry !== undefined && 'oid' in entry && entry.kind === 'v') return true
  if (text.schema !== undefined) {
    return unsettled === 'schemas' && schema !== system_schema && schema !== temporary_schema
  }
  if (schema === temporary_schema && isHiding(scope)) return false
  const listed = context.search_path?.includes(system_schema) === true
  if (schema === system_schema && !listed) return kind === 'function'
  if (path === undefined || schema === undefined || unsettled === 'schemas') return true
  // The first of the path, where it stands alone, is what a name means whatever came to be behind it.
  const first = path.wide.find(isOrdinary)
  return (
    kind === 'function' || schema !== first || hitsIn(names, kind, text.name, path.wide).length > 1
  )
}

function locateIn(scope: NameScope, kind: EntryKind, { schema, name }: TextName): Place {
  if (schema !== undefined) return locateQualified(scope, kind, schema, name)
  if (scope.path === undefined) return locateAnywhere(scope, kind, name)
  const schemas = kind === 'function' ? scope.path.functions : scope.path.relations
  const usable = hitsIn(scope.names, kind, name, schemas)
  // While rights are unread a schema of the path may be used after all, or no longer, and what is
  // found may be gone: a name is certain then where there is but one that it can mean.
  const hits = scope.unread ? widened(scope.names, scope.path, kind, name, usable) : usable
  const [first] = hits
  if (first === undefined) return locateUnknown(scope, scope.path, kind, name)
  // Overloads in several schemas: the arguments' types decide, which we do not know. The function
  // outside pg_catalog is the one that an auditor must hear of.
  const overload = kind === 'function' && hits.length > 1
  const hit = overload ? (hits.find((one) => one.schema !== system_schema) ?? first) : first
  // Neither rights nor a CASCADE bring anything before a session's own temporary objects.
  const in_doubt = scope.unread && !(isHiding(scope) && hit.schema === temporary_schema)
  const certain =
    scope.names.snapshot !== undefined &&
    scope.path.certain &&
    !overload &&
    !(in_doubt && hits.length > 1) &&
    !(
      mayBeHidden(scope, kind, name, hit.schema) &&
      schemas.slice(0, schemas.indexOf(hit.schema) + 1).includes(temporary_schema)
    )
  return {
    schema: hit.schema,
    entry: hit.entry,
    resolved: certain ? 'catalog' : 'assumed',
    missing: false,
  }
}

/** Whether this may mean a temporary object that we do not know of, or one that is gone. */
function mayBeHidden(
  { hidden }: NameScope,
  kind: EntryKind,
  name: string,
  schema: string,
): boolean {
  if (typeof hidden === 'string') return hidden === 'any'
  return kind !== 'relation' || hidden.has(name) || schema === temporary_schema
}

/** Whether temporary relations hide all others, as they do unless the path says otherwise. */
export function isHiding({ path }: NameScope): boolean {
  return path?.wide[0] === temporary_schema
}

interface Hit {
  readonly schema: string
  readonly entry: EntryOf[EntryKind]
}

function hitsIn(
  names: LayeredNames,
  kind: EntryKind,
  name: string,
  schemas: readonly string[],
): readonly Hit[] {
  const hits: Hit[] = []
  for (const schema of schemas) {
    const entry = probe(names, kind, schema, name)
    if (entry !== undefined) hits.push({ schema, entry })
  }
  return hits
}

/** The hits, and behind them those in schemas of the path that the role could not use before. */
function widened(
  names: LayeredNames,
  path: SearchPath,
  kind: EntryKind,
  name: string,
  hits: readonly Hit[],
): readonly Hit[] {
  const { wide, relations } = path
  // What is in use is in the wide path as well, so that nothing else is there where none is more.
  if (wide.length === relations.length) return hits
  const in_use = new Set(relations)
  const others = wide.filter(
    (schema) => !in_use.has(schema) && !(kind === 'function' && schema === temporary_schema),
  )
  return others.length === 0 ? hits : [...hits, ...hitsIn(names, kind, name, others)]
}

function locateQualified(scope: NameScope, kind: EntryKind, schema: string, name: string): Place {
  const entry = probe(scope.names, kind, schema, name)
  if (scope.names.snapshot === undefined) {
    return { schema, entry, resolved: 'assumed', missing: false }
  }
  if (schema === temporary_schema) {
    const found: Resolved = entry === undefined ? 'none' : 'catalog'
    return { schema, entry, resolved: scope.hidden === 'none' ? found : 'assumed', missing: false }
  }
  if (entry !== undefined) return { schema, entry, resolved: 'catalog', missing: false }
  if (unloaded_schema.test(schema)) return { schema, entry, resolved: 'assumed', missing: false }
  return { schema, entry, resolved: 'none', missing: true }
}

/** The search path is unknown: a name that only one schema has is probably that one. */
function locateAnywhere(scope: NameScope, kind: EntryKind, name: string): Place {
  const schemas = [...scope.names.schemaNames()].filter(
    (schema) => kind !== 'function' || schema !== temporary_schema,
  )
  const hits = hitsIn(scope.names, kind, name, schemas)
  const [first] = hits
  if (first === undefined) return locateUnknown(scope, undefined, kind, name)
  if (hits.length === 1) return { ...first, resolved: 'assumed', missing: false }
  const nowhere = { schema: undefined, entry: undefined, resolved: 'none', missing: false } as const
  if (kind !== 'relation') return nowhere
  const candidates = hits.map((hit) => hit.entry).filter((entry) => 'oid' in entry)
  return { ...nowhere, candidates }
}

/** A name that nothing we know has. With a snapshot that is news; without one it is normal. */
function locateUnknown(
  scope: NameScope,
  path: SearchPath | undefined,
  kind: EntryKind,
  name: string,
): Place {
  const nowhere = { schema: undefined, entry: undefined } as const
  if (scope.names.snapshot !== undefined) return { ...nowhere, resolved: 'none', missing: true }
  if (name.startsWith('pg_')) {
    return { schema: system_schema, entry: undefined, resolved: 'assumed', missing: false }
  }
  const listed = (scope.context.search_path ?? []).filter((item) => item !== '$user')
  // A name without the system's prefix is seldom the system's, even when the path begins there.
  const ordinary = listed.find((item) => item !== system_schema && item !== temporary_schema)
  const schema = path === undefined ? undefined : (ordinary ?? listed[0])
  if (schema === undefined || (kind === 'function' && schema === temporary_schema)) {
    return { ...nowhere, resolved: 'none', missing: false }
  }
  return { schema, entry: undefined, resolved: 'assumed', missing: false }
}

/** Whether another right could make another schema the first that the role may use. */
function isAmbiguous({ wide }: SearchPath): boolean {
  return wide.filter(isOrdinary).length > 1
}

function isOrdinary(schema: string): boolean {
  return schema !== system_schema && schema !== temporary_schema
}

/** A schema that exists, or came to be since. */
export function schemaIn({ names, later }: NameScope, name: string): Schema | undefined {
  return names.schema(name) ?? later?.names.schema(name)
}

/** Where a new object goes. */
export function creationPlace(
  scope: NameScope,
  { schema, temporary }: { readonly schema?: string; readonly temporary?: boolean },
): Place {
  const nothing = { entry: undefined, missing: false } as const
  const known = scope.names.snapshot !== undefined
  if (temporary === true || schema === temporary_schema) {
    return { ...nothing, schema: temporary_schema, resolved: known ? 'catalog' : 'assumed' }
  }
  if (schema !== undefined) {
    if (!known) return { ...nothing, schema, resolved: 'assumed' }
    const exists = schemaIn(scope, schema) !== undefined
    return { ...nothing, schema, resolved: exists ? 'catalog' : 'none', missing: !exists }
  }
  const { path, unread, unsettled } = scope
  const creation = path?.creation ?? (unread ? path?.wide.find(isOrdinary) : undefined)
  if (creation === undefined) return { ...nothing, schema: undefined, resolved: 'none' }
  const unsure = unread || unsettled !== 'nothing'
  const settled = unsettled !== 'schemas' && path !== undefined && !(unsure && isAmbiguous(path))
  const certain = known && path?.certain === true && settled
  return { ...nothing, schema: creation, resolved: certain ? 'catalog' : 'assumed' }
}
