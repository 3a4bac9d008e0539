import type { FunctionParameter, Node, ObjectType, ObjectWithArgs, TypeName } from '@pgsql/types'
import type { Access, ObjectReference, StatementClass } from './facts.js'
import { objectKind } from './object-types.js'
import {
  bodyOf,
  itemsOf,
  type QualifiedName,
  qualifiedName,
  relationName,
  stringsOf,
} from './tree.js'

/** SQL names of pg_catalog's types where they differ (format_type in format_type.c). */
const type_names: ReadonlyMap<string, string> = new Map([
  ['bool', 'boolean'],
  ['bpchar', 'character'],
  ['float4', 'real'],
  ['float8', 'double precision'],
  ['int2', 'smallint'],
  ['int4', 'integer'],
  ['int8', 'bigint'],
  ['time', 'time without time zone'],
  ['timestamp', 'timestamp without time zone'],
  ['timestamptz', 'timestamp with time zone'],
  ['timetz', 'time with time zone'],
  ['varbit', 'bit varying'],
  ['varchar', 'character varying'],
])

/** Quotes a part of a type's name unless it can stand bare; keywords are left as they are. */
function quoted(part: string): string {
  if (part !== 'char' && /^[a-z_][a-z0-9_$]*$/.test(part)) return part
  return `"${part.replaceAll('"', '""')}"`
}

/** A type as PostgreSQL writes it in a function's identity: without modifiers such as lengths. */
export function typeText(type: TypeName | undefined): string {
  if (type === undefined) return 'NONE'
  const { schema, name } = qualifiedName(stringsOf(type.names))
  const own = schema === undefined || schema === 'pg_catalog'
  const word = own ? (type_names.get(name) ?? quoted(name)) : `${quoted(schema)}.${quoted(name)}`
  // Any number of dimensions is the same array type.
  return (type.arrayBounds?.length ?? 0) > 0 ? `${word}[]` : word
}

/** `(integer, text)` for the argument types of an object that DDL names. */
function argumentText(named: ObjectWithArgs, type: ObjectType | undefined): string | undefined {
  if (named.args_unspecified === true) return undefined
  const types = named.objargs ?? []
  if (types.length === 0 && type === 'OBJECT_AGGREGATE') return '(*)'
  return `(${types.map((node) => typeText(bodyOf(node, 'TypeName'))).join(', ')})`
}

/** `(integer, text)` for the parameters of a definition; results are no part of the identity. */
export function parameterText(parameters: readonly FunctionParameter[]): string {
  const inputs = parameters.filter(
    (parameter) => parameter.mode !== 'FUNC_PARAM_OUT' && parameter.mode !== 'FUNC_PARAM_TABLE',
  )
  return `(${inputs.map((parameter) => typeText(parameter.argType)).join(', ')})`
}

/** What is done to a named object. */
export interface Use {
  readonly class: StatementClass
  readonly access: Access
}

/** An object of a kind by its name. */
export function namedObject(
  type: ObjectType | undefined,
  name: QualifiedName,
  use: Use,
): ObjectReference {
  const kind = objectKind(type)
  return {
    lookup: kind.lookup,
    ...name,
    type: kind.type,
    class: use.class,
    access: [use.access],
  }
}

/** A trigger, rule, policy or constraint: its own name and the relation on which it hangs. */
export function objectOn(
  type: ObjectType | undefined,
  name: string,
  on: QualifiedName,
  use: Use,
): ObjectReference {
  const relation =
    on.schema === undefined ? { name: on.name } : { schema: on.schema, name: on.name }
  return { ...namedObject(type, { name }, use), on: relation }
}

/** An operator class or family: its access method stands behind the name as arguments do. */
export function objectUsing(
  type: ObjectType,
  access_method: string | undefined,
  name: QualifiedName,
  use: Use,
): ObjectReference {
  const object = namedObject(type, name, use)
  if (access_method === undefined) return object
  return { ...object, arguments: ` USING ${quoted(access_method)}` }
}

function castText(items: readonly Node[]): string {
  const [source, target] = items
  return `(${typeText(bodyOf(source, 'TypeName'))} AS ${typeText(bodyOf(target, 'TypeName'))})`
}

function transformText(items: readonly Node[]): string {
  const [type, language] = items
  const word = bodyOf(language, 'String')?.sval ?? ''
  return `for ${typeText(bodyOf(type, 'TypeName'))} on language ${word}`
}

/** The parts of a name, in whichever of its forms the grammar delivers it. */
function partsOf(node: Node): readonly string[] {
  const relation = bodyOf(node, 'RangeVar')
  if (relation !== undefined) {
    const { catalog, schema, name } = relationName(relation)
    return [catalog, schema, name].filter((part) => part !== undefined)
  }
  const named = bodyOf(node, 'ObjectWithArgs')
  if (named !== undefined) return stringsOf(named.objname)
  const type = bodyOf(node, 'TypeName')
  if (type !== undefined) return stringsOf(type.names)
  const integer = bodyOf(node, 'Integer')
  if (integer !== undefined) return [String(integer.ival ?? 0)]
  const float = bodyOf(node, 'Float')
  if (float !== undefined) return [float.fval ?? '']
  return stringsOf(itemsOf(node))
}

/** The object that a node of a DDL statement names; undefined when it names none. */
export function objectOf(
  type: ObjectType | undefined,
  node: Node | undefined,
  use: Use,
): ObjectReference | undefined {
  if (node === undefined) return undefined
  const items = itemsOf(node)
  if (type === 'OBJECT_CAST') return namedObject(type, { name: castText(items) }, use)
  if (type === 'OBJECT_TRANSFORM') return namedObject(type, { name: transformText(items) }, use)
  if (type === 'OBJECT_DOMCONSTRAINT') {
    const domain = bodyOf(items[0], 'TypeName')
    const parts = domain === undefined ? stringsOf(items) : stringsOf(domain.names)
    return namedObject(type, qualifiedName(parts), use)
  }
  const parts = partsOf(node)
  const last = parts.at(-1)
  if (last === undefined) return undefined
  switch (type) {
    case 'OBJECT_TRIGGER':
    case 'OBJECT_RULE':
    case 'OBJECT_POLICY':
    case 'OBJECT_TABCONSTRAINT':
      return objectOn(type, last, qualifiedName(parts.slice(0, -1)), use)
    case 'OBJECT_COLUMN': {
      const relation = qualifiedName(parts.slice(0, -1))
      return { ...namedObject(type, relation, use), columns: [last] }
    }
    case 'OBJECT_OPCLASS':
    case 'OBJECT_OPFAMILY':
      return objectUsing(type, parts[0], qualifiedName(parts.slice(1)), use)
    default: {
      const named = bodyOf(node, 'ObjectWithArgs')
      const text = named === undefined ? undefined : argumentText(named, type)
      const object = namedObject(type, qualifiedName(parts), use)
      return text === undefined ? object : { ...object, arguments: text }
    }
  }
}
