import type { CatalogChange, ObjectReference, OwnerName } from '../sql/facts.js'
import type { AclItem } from './acl.js'
import { doubtsOf } from './doubts.js'
import {
  type EntryKind,
  type EntryOf,
  type Relation,
  system_schema,
  temporary_schema,
} from './entries.js'
import type { LayeredNames } from './layered-names.js'
import { creationPlace, isHiding, locate, type NameScope, type Place } from './locate.js'
import type { NameContext } from './names.js'
import type { Overlay } from './overlay.js'
import { inOwnSchema, schemaName } from './own-schema.js'

type Create = Extract<CatalogChange, { readonly change: 'create' }>

/** What a change is applied to. */
export interface ChangeTarget {
  readonly overlay: Overlay
  /** The names before the change. */
  readonly scope: NameScope
  /** A negative number that no relation has had yet in this database. */
  next_oid(): number
}

/** The namespace of an object that we follow; undefined for all others. */
function kindOf(reference: ObjectReference): EntryKind | undefined {
  if (reference.on !== undefined && reference.lookup !== 'relation') return undefined
  return reference.lookup === 'schema_object' || reference.lookup === 'global'
    ? undefined
    : reference.lookup
}

/** Applies a change that the server has confirmed to the session's overlay. */
export function applyChange(target: ChangeTarget, told: CatalogChange): void {
  const { overlay, scope } = target
  const change = told.change === 'create' ? ownCreation(told, scope.context) : told
  switch (change.change) {
    case 'create':
      create(target, change)
      return
    case 'drop':
      withEntry(target, change.object, (kind, entry, place) => {
        if (isCertain(target, change.object, place)) drop(overlay, kind, entry, change.object)
      })
      return
    case 'rename':
      withEntry(target, change.object, (kind, entry, place) => {
        if (isCertain(target, change.object, place))
          overlay.writable().remove(kind, entry.schema, entry.name)
        for (const schema of possibleSchemas(target, kind, change.new_name, place)) {
          overlay.writable().put(kind, { ...entry, schema, name: change.new_name })
        }
      })
      return
    case 'move':
      withEntry(target, change.object, (kind, entry, place) => {
        if (isCertain(target, change.object, place))
          overlay.writable().remove(kind, entry.schema, entry.name)
        overlay.writable().put(kind, { ...entry, schema: change.new_schema })
      })
      return
    case 'own':
      withEntry(target, change.object, (kind, entry) => {
        const owner = ownerOf(target.scope, change.owner)
        // Of several functions of a name one has another owner now.
        const shared = 'overloads' in entry && entry.overloads > 1 && entry.owner !== owner
        overlay.writable().put(kind, { ...entry, owner: shared ? undefined : owner })
      })
      return
    case 'create_schema':
      createSchema(target, change)
      return
    case 'drop_schema':
      overlay.writable().dropSchema(change.name)
      overlay.wantRefresh()
      return
    case 'rename_schema':
      overlay.renameSchema(change.name, change.new_name)
      overlay.wantRefresh()
      return
    case 'refresh':
      overlay.wantRefresh()
      if (change.doubts !== undefined) overlay.doubt(doubtsOf(change.doubts))
      return
    default:
      change satisfies never
  }
}

/** Only an element of CREATE SCHEMA is made in a schema that is named for the session's role. */
function ownCreation(change: Create, context: NameContext): Create {
  const object = inOwnSchema(change.object, context)
  const sources = change.sources?.map((source) => inOwnSchema(source, context))
  return { ...change, object, ...(sources === undefined ? {} : { sources }) }
}

function ownerOf({ context }: NameScope, owner: OwnerName | undefined): string {
  if (owner === undefined) return context.current_user
  return 'role' in owner ? owner.role : context[owner.keyword]
}

function createSchema(
  { overlay, scope }: ChangeTarget,
  { name: told, owner: named }: { readonly name: string; readonly owner?: OwnerName },
): void {
  const name = schemaName(told, scope.context)
  if (name === '') return
  overlay.wantRefresh()
  // IF NOT EXISTS is not in the change: what exists already stays as it is.
  if (scope.names.schema(name) !== undefined) return
  const owner = ownerOf(scope, named)
  overlay
    .writable()
    .createSchema({ name, owner, acl: undefined }, scope.names.snapshot !== undefined)
}

function create(target: ChangeTarget, change: Create): void {
  const { overlay } = target
  const { object } = change
  // A composite type has columns, and a row in pg_class as other relations have.
  const kind = change.relkind === 'c' ? 'relation' : kindOf(object)
  if (kind === undefined) return
  const place = creationSchema(target, change)
  if (place.schema !== temporary_schema) overlay.wantRefresh()
  if (object.name === '') return
  for (const schema of possibleSchemas(target, kind, object.name, place)) {
    createIn(target, change, kind, schema)
  }
}

/**
 * Where a new object may be: in one schema, or, where nobody can tell, in each of the path that has
 * none of that name. What is put there is doubted until the catalog has been read.
 */
function possibleSchemas(
  { overlay, scope }: ChangeTarget,
  kind: EntryKind,
  name: string,
  place: Place,
): readonly string[] {
  const { names, path } = scope
  const believed = place.schema === undefined ? [] : [place.schema]
  if (names.snapshot === undefined || place.resolved === 'catalog') return believed
  overlay.doubt(doubtsOf(['objects']))
  const others = (path?.wide ?? []).filter(
    (schema) =>
      schema !== system_schema &&
      schema !== temporary_schema &&
      names.find(kind, schema, name) === undefined,
  )
  return [...new Set([...believed, ...others])]
}

function createIn(target: ChangeTarget, change: Create, kind: EntryKind, schema: string): void {
  const { overlay, scope } = target
  const { object } = change
  const existing = scope.names.find(kind, schema, object.name)
  // What is believed to exist may be gone, and be missing in a reading that is under way.
  if (existing !== undefined && change.if_not_exists) {
    if (schema !== temporary_schema) overlay.writable().put(kind, existing)
    return
  }
  const owner = scope.context.current_user
  const layer = overlay.writable()
  const named = { schema, name: object.name }
  if (kind === 'relation') layer.put(kind, createdRelation(target, change, schema))
  else if (kind === 'type') layer.put(kind, { ...named, owner })
  else {
    const before = existing !== undefined && 'overloads' in existing ? existing : undefined
    // CREATE OR REPLACE of the only one makes no second.
    if (before?.arguments !== undefined && before.arguments === object.arguments) {
      layer.put(kind, before)
      return
    }
    const overloads = before?.overloads ?? 0
    const { type, arguments: types } = object
    const own = overloads > 0 || types === undefined ? {} : { arguments: types, type }
    layer.put(kind, { ...named, owner, overloads: overloads + 1, acl: undefined, ...own })
  }
}

/** An index goes to its table's schema, a view over a temporary relation to pg_temp. */
function creationSchema({ scope }: ChangeTarget, change: Create): Place {
  const { object } = change
  if (object.on !== undefined) return locate(scope, 'relation', object.on)
  const over_temporary =
    object.schema === undefined &&
    change.sources?.some(
      (source) =>
        source.lookup === 'relation' &&
        locate(scope, 'relation', source).schema === temporary_schema,
    )
  const temporary = object.temporary === true || over_temporary === true
  return creationPlace(scope, { ...object, temporary })
}

function createdRelation(target: ChangeTarget, change: Create, schema: string): Relation {
  const { names, context } = target.scope
  const { name } = change.object
  const bases: Relation[] = []
  for (const source of change.sources ?? []) {
    if (source.lookup !== 'relation') continue
    const { entry } = locate(target.scope, 'relation', source)
    if (entry !== undefined && 'oid' in entry) bases.push(entry)
  }
  const existing = names.find('relation', schema, name)
  if (existing !== undefined && existing.kind === change.relkind && existing.kind === 'v') {
    // CREATE OR REPLACE VIEW keeps the owner and the grants.
    return { ...existing, details: { ...existing.details, bases } }
  }
  const on_commit_drop = change.on_commit_drop === true
  return {
    oid: target.next_oid(),
    schema,
    name,
    kind: change.relkind,
    owner: context.current_user,
    acl: defaultGrants(names, context.current_user, schema, change.relkind),
    details:
      bases.length > 0 || on_commit_drop
        ? { ...(bases.length > 0 ? { bases } : {}), ...(on_commit_drop ? { on_commit_drop } : {}) }
        : undefined,
  }
}

/** What ALTER DEFAULT PRIVILEGES gives a new relation (aclchk.c, get_user_default_acl). */
function defaultGrants(
  names: LayeredNames,
  owner: string,
  schema: string,
  relkind: string,
): readonly AclItem[] | undefined {
  const object_type = relkind === 'S' ? 'S' : 'r'
  const items: AclItem[] = []
  for (const defaults of names.snapshot?.default_acls ?? []) {
    if (defaults.role !== owner || defaults.object_type !== object_type) continue
    if (defaults.schema === '' || defaults.schema === schema) items.push(...defaults.acl)
  }
  return items.length === 0 ? undefined : items
}

/** Runs what follows for the entry that a reference means, if we know one. */
function withEntry(
  { overlay, scope }: ChangeTarget,
  reference: ObjectReference,
  change: (kind: EntryKind, entry: EntryOf[EntryKind], place: Place) => void,
): void {
  const kind = kindOf(reference)
  if (kind === undefined) return
  const place = locate(scope, kind, reference)
  const { entry, schema } = place
  if (schema !== temporary_schema) overlay.wantRefresh()
  if (entry === undefined) return
  // A type's name may mean a relation's row type, which lives and dies with the relation.
  const own_kind = 'oid' in entry ? 'relation' : kind
  change(own_kind, entry, place)
}

/**
 * Whether there is nothing under this name any more. Where another one may be meant, everything
 * stays and is doubted until the catalog has been read.
 */
function isCertain(
  { overlay, scope }: ChangeTarget,
  { schema }: ObjectReference,
  place: Place,
): boolean {
  if (place.resolved === 'catalog' || scope.names.snapshot === undefined) return true
  overlay.doubt(doubtsOf(['objects']))
  // A temporary one would have come first: it is gone now, or was before.
  return place.schema === temporary_schema && (schema === temporary_schema || isHiding(scope))
}

function drop(
  overlay: Overlay,
  kind: EntryKind,
  entry: EntryOf[EntryKind],
  reference: ObjectReference,
): void {
  const layer = overlay.writable()
  // With arguments one overload goes; the name stays as long as others have it.
  if ('overloads' in entry && reference.arguments !== undefined && entry.overloads > 1) {
    layer.put('function', { ...entry, overloads: entry.overloads - 1 })
  } else layer.remove(kind, entry.schema, entry.name)
}
