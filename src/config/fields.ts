import { z } from 'zod'
import type { Parse } from './parsed.js'

/** How the text of an environment variable becomes a value of the file. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'list' | 'yaml'

/** What is known of a field besides how it is read: for documents, examples and variables. */
export interface FieldInfo {
  /** Sentences for the reference and for the comments of the example. */
  readonly description: string
  readonly kind: FieldKind
  /** An example in the file's own form, for a field without a default. */
  readonly example?: unknown
  /** The values in words, such as `duration, 1ms to 10s`. */
  readonly accepts: string
}

/** The facts of every field, found by the schema that reads it. */
export const field_registry = z.registry<FieldInfo>()

/** A part of a JSON Schema that describes the input of a field. */
export type JsonShape = Readonly<Record<string, unknown>>

/**
 * A field of the file that one of our readers reads. The reader words the reason and the hint
 * itself; zod keeps the structure, the defaults and the types.
 */
export function field<T>(parse: Parse<T>, info: FieldInfo, shape: JsonShape) {
  const schema = z
    .unknown()
    .transform((input, context): T => {
      const parsed = parse(input)
      if (parsed.ok) return parsed.value
      addProblem(context, parsed, input, [])
      return z.NEVER
    })
    .meta({ description: info.description, ...shape })
  field_registry.add(schema, info)
  return schema
}

/**
 * A field that takes a list, or one item alone for a list of one. Every bad item is told, each
 * by its index.
 */
export function listField<T>(
  parse: Parse<T>,
  info: FieldInfo,
  options: { readonly item: JsonShape; readonly empty: boolean },
) {
  const list_shape = {
    type: 'array',
    items: options.item,
    ...(options.empty ? {} : { minItems: 1 }),
  }
  const schema = z
    .unknown()
    .transform((input, context): readonly T[] => {
      const items: readonly unknown[] = Array.isArray(input) ? input : [input]
      if (items.length === 0 && !options.empty) {
        const problem = {
          reason: 'is an empty list, which nothing can match',
          hint: 'Leave the key out instead.',
        }
        addProblem(context, problem, input, [])
      }
      const values: T[] = []
      for (const [index, item] of items.entries()) {
        const parsed = parse(item)
        if (parsed.ok) values.push(parsed.value)
        else addProblem(context, parsed, item, Array.isArray(input) ? [index] : [])
      }
      return values
    })
    .meta({ description: info.description, anyOf: [options.item, list_shape] })
  field_registry.add(schema, info)
  return schema
}

function addProblem(
  context: z.core.$RefinementCtx,
  problem: { readonly reason: string; readonly hint: string },
  input: unknown,
  path: (string | number)[],
): void {
  context.issues.push({
    code: 'custom',
    message: problem.reason,
    params: { hint: problem.hint },
    input,
    path,
  })
}

/** A block of keys. Unknown ones are refused: a mistyped key must never be a silent default. */
export function section<Shape extends z.ZodRawShape>(description: string, shape: Shape) {
  return z.strictObject(shape).meta({ description })
}

/** One key of the file as the generators and the environment see it. */
export interface FieldEntry {
  readonly path: readonly string[]
  readonly info: FieldInfo
  /** In the file's own form; undefined when there is none. */
  readonly default: unknown
  readonly required: boolean
}

/** A block of keys as the generators see it. */
export interface SectionEntry {
  readonly path: readonly string[]
  readonly description: string
  /** True when the block may be absent, which then means something of its own. */
  readonly optional: boolean
  readonly entries: readonly (FieldEntry | SectionEntry)[]
}

/** The tree of keys below an object schema, in the order of the file. */
export function entriesOf(
  schema: z.core.$ZodType,
  path: readonly string[] = [],
): readonly (FieldEntry | SectionEntry)[] {
  const { inner } = unwrapped(schema)
  if (!(inner instanceof z.ZodObject)) return []
  return Object.entries(inner.shape).map(([key, child]) => entryOf(child, [...path, key]))
}

function entryOf(schema: z.core.$ZodType, path: readonly string[]): FieldEntry | SectionEntry {
  const { inner, default_input, optional } = unwrapped(schema)
  const info = field_registry.get(inner)
  if (info !== undefined) {
    const required = !optional && default_input === undefined
    return { path, info, default: default_input, required }
  }
  const description = z.globalRegistry.get(inner)?.description ?? ''
  return { path, description, optional, entries: entriesOf(inner, path) }
}

/** Takes off what zod wraps around a schema, remembering what it said. */
function unwrapped(schema: z.core.$ZodType): {
  readonly inner: z.core.$ZodType
  readonly default_input: unknown
  readonly optional: boolean
} {
  let inner = schema
  let default_input: unknown
  let optional = false
  for (;;) {
    if (inner instanceof z.ZodPrefault) {
      default_input = inner.def.defaultValue
      inner = inner.def.innerType
    } else if (inner instanceof z.ZodExactOptional) {
      optional = true
      inner = inner.def.innerType
    } else {
      return { inner, default_input, optional }
    }
  }
}

/** All fields of a schema, blocks opened. */
export function fieldsOf(schema: z.core.$ZodType): readonly FieldEntry[] {
  return entriesOf(schema).flatMap(function open(entry): readonly FieldEntry[] {
    return 'info' in entry ? [entry] : entry.entries.flatMap(open)
  })
}
