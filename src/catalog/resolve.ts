import { limits } from '../lib/limits.js'
import type { Access, ObjectReference, StatementClass, StatementFacts } from '../sql/facts.js'
import { type Relation, system_schema, temporary_schema } from './entries.js'
import { auditable, audited, auditedCall, type RelationAccess } from './grants.js'
import { creationPlace, locate, type NameScope, type Place, schemaIn } from './locate.js'
import type { Resolution, ResolvedObject } from './names.js'
import { inOwnSchema } from './own-schema.js'
import { quoteIdentifier, quoteQualified } from './quote-identifier.js'

/** Object types of relations by pg_class.relkind, in pgaudit's words. */
const relation_types: Readonly<Record<string, string>> = {
  r: 'TABLE',
  p: 'TABLE',
  v: 'VIEW',
  m: 'MATERIALIZED VIEW',
  S: 'SEQUENCE',
  i: 'INDEX',
  I: 'INDEX',
  f: 'FOREIGN TABLE',
  c: 'COMPOSITE TYPE',
  t: 'TOAST TABLE',
}

/** Types that the catalog may correct; others, such as TABLE COLUMN, say something of their own. */
const correctable_types: ReadonlySet<string> = new Set([
  '',
  'RELATION',
  ...Object.values(relation_types),
])

/** What is done to a routine, rather than with it. */
const named_whole: ReadonlySet<Access> = new Set(['alter', 'drop', 'grant'] as const)

const current_role = /^current_(?:user|role)$/
const mapping_of_current_role = /^current_(?:user|role)(?= on server )/

/** Objects that are described rather than named (getObjectIdentity in objectaddress.c). */
const descriptions: ReadonlySet<string> = new Set([
  'CAST',
  'LARGE OBJECT',
  'PARAMETER',
  'TRANSFORM',
  'USER MAPPING',
])

/** What is done to a view is done to what it is made of. */
const carried_access: ReadonlySet<Access> = new Set([
  'select',
  'insert',
  'update',
  'delete',
  'reference',
] as const)

/** Object auditing: whose grants decide, and whether they have changed since they were read. */
export interface AuditScope {
  readonly role: string
  readonly in_doubt: boolean
}

/** Resolves the objects of one statement. */
export function resolveStatement(
  statement: StatementFacts,
  scope: NameScope,
  audit: AuditScope | undefined,
): Resolution {
  const resolver = new StatementResolver(scope, audit)
  const { objects, built_in_calls = [] } = statement
  // A name is looked for in every schema of the path, and all this is done in the relay loop.
  const schemas = scope.path?.wide.length ?? scope.names.schemaNames().size
  const most = Math.floor(limits.names_looked_up / Math.max(1, schemas))
  for (const [index, reference] of objects.entries()) {
    if (index < most) resolver.add(reference, statement)
    else resolver.addUnsought(reference)
  }
  for (const name of built_in_calls.slice(0, most)) resolver.addNamesake(name)
  // A role that the snapshot does not know has come since: a refresh tells what it may use.
  const { snapshot } = scope.names
  const stranger =
    snapshot !== undefined &&
    statement.objects.length > 0 &&
    snapshot.roles.get(scope.context.current_user) === undefined
  return { objects: resolver.objects, missing: resolver.missing || stranger }
}

/** Collects the resolved objects of one statement. */
class StatementResolver {
  readonly objects: ResolvedObject[] = []
  missing = false
  readonly #scope: NameScope
  readonly #audit: AuditScope | undefined

  constructor(scope: NameScope, audit: AuditScope | undefined) {
    this.#scope = scope
    this.#audit = audit
  }

  add(named: ObjectReference, statement: StatementFacts): void {
    const reference = inOwnSchema(named, this.#scope.context)
    if (reference.on !== undefined) this.#addSubObject(reference, reference.on)
    else if (reference.lookup === 'global') this.#addGlobal(reference)
    else if (reference.creates === true) this.#addCreated(reference, statement)
    else if (reference.lookup === 'schema_object') this.#addSchemaObject(reference)
    else {
      const place = locate(this.#scope, reference.lookup, reference)
      this.#push(reference, place, nameAt(place, reference))
      const { entry } = place
      if (entry !== undefined && 'oid' in entry) this.#expandView(reference, place, entry)
    }
  }

  /** Not looked for among so many: nothing is known of it, and whatever it may be counts. */
  addUnsought(reference: ObjectReference): void {
    const { schema } = reference
    const place = { schema, entry: undefined, resolved: 'none', missing: false } as const
    this.#push(reference, place, nameAt(place, reference))
  }

  /** A trigger, policy or rule is named on its table; an index goes to its table's schema. */
  #addSubObject(reference: ObjectReference, on: { schema?: string; name: string }): void {
    const table = locate(this.#scope, 'relation', on)
    const table_name = nameAt(table, on)
    if (reference.lookup !== 'relation') {
      this.#push(reference, table, `${quoteIdentifier(reference.name)} on ${table_name}`)
    } else if (reference.name === '') {
      // The server makes up the index's name: what we can name is the table that it is on.
      const type = relationType('TABLE', table.entry)
      this.#push({ ...reference, type }, table, table_name)
    } else {
      const schema = table.schema ?? on.schema
      this.#push(reference, table, quoteQualified(schema, reference.name))
    }
  }

  #addGlobal(named: ObjectReference): void {
    const reference = { ...named, name: this.#ofCurrentUser(named) }
    const { snapshot } = this.#scope.names
    const schema = reference.type === 'SCHEMA' ? schemaIn(this.#scope, reference.name) : undefined
    const role = reference.type === 'ROLE' ? snapshot?.roles.get(reference.name) : undefined
    const known = snapshot !== undefined && (schema !== undefined || role !== undefined)
    this.objects.push(
      resolvedObject(reference, {
        name: descriptions.has(reference.type) ? reference.name : quoteIdentifier(reference.name),
        owner: schema?.owner,
        resolved: known ? 'catalog' : 'assumed',
      }),
    )
  }

  /** CURRENT_USER and CURRENT_ROLE stand for the role that the session has at that moment. */
  #ofCurrentUser({ type, name }: ObjectReference): string {
    if (type !== 'ROLE' && type !== 'USER MAPPING') return name
    const pattern = type === 'ROLE' ? current_role : mapping_of_current_role
    return name.replace(pattern, () => this.#scope.context.current_user)
  }

  #addCreated(reference: ObjectReference, statement: StatementFacts): void {
    const temporary = reference.temporary === true || this.#becomesTemporary(reference, statement)
    const place = creationPlace(this.#scope, { ...reference, temporary })
    this.#push(reference, place, nameAt(place, reference))
  }

  /** A view over a temporary relation is temporary without being asked (view.c, DefineView). */
  #becomesTemporary(reference: ObjectReference, statement: StatementFacts): boolean {
    if (reference.type !== 'VIEW' || reference.schema !== undefined) return false
    return statement.objects.some(
      (source) =>
        source.lookup === 'relation' &&
        source.creates !== true &&
        source.on === undefined &&
        locate(this.#scope, 'relation', source).schema === temporary_schema,
    )
  }

  /**
   * A function of the user that has the name of a built-in one may be what a call reaches: by its
   * arguments, or by its place in the search path. The text does not tell, so it counts.
   */
  addNamesake(name: string): void {
    const { names, path } = this.#scope
    for (const schema of path?.functions ?? names.schemaNames()) {
      if (schema === system_schema || schema === temporary_schema) continue
      const entry = names.find('function', schema, name)
      if (entry === undefined) continue
      this.objects.push(
        resolvedObject(
          { lookup: 'function', name, type: 'FUNCTION', class: 'FUNCTION', access: ['execute'] },
          { name: quoteQualified(schema, name), owner: entry.owner, resolved: 'assumed' },
        ),
      )
    }
  }

  /** Operators, collations and so on are not in the snapshot: their schema can only be supposed. */
  #addSchemaObject(reference: ObjectReference): void {
    const place = creationPlace(this.#scope, reference)
    const resolved = place.resolved === 'catalog' ? 'assumed' : place.resolved
    this.#push(reference, { ...place, resolved }, nameAt(place, reference))
  }

  #push(reference: ObjectReference, place: Place, name: string): void {
    this.missing ||= place.missing
    const { entry } = place
    const main = reference.lookup === 'relation' && reference.creates !== true
    const call = reference.lookup === 'function' && reference.access.includes('execute')
    this.objects.push(
      resolvedObject(reference, {
        name: `${name}${reference.arguments ?? overloadText(reference, entry)}`,
        type: main ? relationType(reference.type, entry) : routineType(reference.type, entry),
        owner: entry?.owner,
        audited: (main || call) && this.#isAudited(place, reference),
        resolved: place.resolved,
      }),
    )
  }

  /** Adds what a view is made of, through views of views, each relation once. */
  #expandView(reference: ObjectReference, place: Place, view: Relation): void {
    const access = carriedAccess(reference.access, view)
    if (access.length === 0) return
    const via = quoteQualified(view.schema, view.name)
    const seen = new Set([via])
    const waiting = [view]
    for (const relation of waiting) {
      for (const original of relation.details?.bases ?? []) {
        const { names, later } = this.#scope
        const base = names.current(original) ?? later?.names.current(original)
        if (base === undefined) continue
        const name = quoteQualified(base.schema, base.name)
        if (seen.has(name)) continue
        seen.add(name)
        if (base.kind !== 'm') waiting.push(base)
        this.objects.push(
          resolvedObject(reference, {
            name,
            type: relationType('TABLE', base),
            class: carriedClass(access, reference.class),
            access,
            // Which columns a view reads of its bases is not in the text.
            columns: undefined,
            owner: base.owner,
            via,
            audited: this.#isAudited({ ...place, entry: base }, { access }),
            resolved: place.resolved,
          }),
        )
      }
    }
  }

  #isAudited(place: Place, use: RelationAccess): boolean {
    const roles = this.#scope.names.snapshot?.roles
    if (this.#audit === undefined) return false
    const { role, in_doubt } = this.#audit
    // Grants that nobody has read yet, or of a relation that nobody knows, cannot be ruled out.
    if (roles === undefined || in_doubt) return auditable(use.access)
    const { entry } = place
    if (entry !== undefined) {
      if ('overloads' in entry) return auditedCall(roles, role, entry.acl)
      return 'oid' in entry && audited(roles, role, entry, use)
    }
    if (place.candidates === undefined) return auditable(use.access)
    // Nobody knows which of several it is: what would be audited for one of them is recorded.
    return place.candidates.some((relation) => audited(roles, role, relation, use))
  }
}

function nameAt(
  place: Place,
  text: { readonly schema?: string; readonly name: string; readonly type?: string },
): string {
  const schema = place.schema ?? text.schema
  // An operator's name stands bare behind the schema (format_operator in regproc.c).
  if (text.type !== 'OPERATOR') return quoteQualified(schema, text.name)
  return schema === undefined ? text.name : `${quoteIdentifier(schema)}.${text.name}`
}

function relationType(type: string, entry: Place['entry']): string {
  if (entry === undefined || !('oid' in entry) || !correctable_types.has(type)) return type
  return relation_types[entry.kind] ?? type
}

/** DDL that names a function without its arguments means the only one of that name. */
function overloadText(reference: ObjectReference, entry: Place['entry']): string {
  if (!reference.access.some((one) => named_whole.has(one))) return ''
  return entry !== undefined && 'overloads' in entry ? (entry.arguments ?? '') : ''
}

/** ROUTINE is a word for functions, procedures and aggregates alike; the catalog knows which. */
function routineType(type: string, entry: Place['entry']): string {
  if (type !== 'ROUTINE' || entry === undefined || !('overloads' in entry)) return type
  return entry.type ?? type
}

/** What is done to a materialized view ends there; only when it is filled are its bases read. */
function carriedAccess(access: readonly Access[], view: Relation): readonly Access[] {
  if (view.kind === 'm') return access.includes('insert') ? ['select'] : []
  return access.filter((one) => carried_access.has(one))
}

function carriedClass(access: readonly Access[], own: StatementClass): StatementClass {
  // A lock of a view's rows asks for the right to update them and only reads.
  if (own === 'READ') return own
  if (access.some((one) => one === 'insert' || one === 'update' || one === 'delete')) return 'WRITE'
  return access.includes('select') ? 'READ' : own
}

/** The parts of a resolved object that are not simply the reference's. */
interface ResolvedParts {
  readonly name: string
  readonly type?: string
  readonly class?: StatementClass
  readonly access?: readonly Access[]
  readonly columns?: readonly string[] | undefined
  readonly owner?: string | undefined
  readonly via?: string
  readonly audited?: boolean
  readonly resolved: ResolvedObject['resolved']
}

function resolvedObject(reference: ObjectReference, parts: ResolvedParts): ResolvedObject {
  const columns = 'columns' in parts ? parts.columns : reference.columns
  return {
    name: parts.name,
    type: parts.type ?? reference.type,
    class: parts.class ?? reference.class,
    access: parts.access ?? reference.access,
    ...(columns === undefined ? {} : { columns }),
    ...(parts.owner === undefined ? {} : { owner: parts.owner }),
    ...(parts.via === undefined ? {} : { via: parts.via }),
    ...(parts.audited === true ? { audited: true } : {}),
    resolved: parts.resolved,
  }
}
