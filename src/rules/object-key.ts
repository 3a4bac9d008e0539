import type { ResolvedObject } from '../catalog/names.js'
import { compileGlob, type TextTest } from './glob.js'
import {
  cachedCandidates,
  compileObjectPattern,
  type NameParts,
  type ObjectPattern,
} from './object-name.js'
import { passes, splitValues } from './value-list.js'

/** A key about one object, asked in the two ways of `ClassKey`. */
export interface ObjectKey {
  mayHold(object: ResolvedObject): boolean
  surelyHolds(object: ResolvedObject): boolean
}

/** True for a name that the catalog vouches for. */
function isKnown(object: ResolvedObject): boolean {
  return object.resolved === 'catalog'
}

/**
 * Whether a pattern cannot be ruled out for a name. Of a bare name that nobody knows only the
 * schema is missing, and of an assumed one the schema may be another: there the last part decides.
 */
function mayFit(pattern: ObjectPattern, object: ResolvedObject): boolean {
  return cachedCandidates(object.name).some(
    (name) => pattern.whole(name) || (mayHaveOtherSchema(object, name) && pattern.last(name)),
  )
}

function mayHaveOtherSchema(object: ResolvedObject, name: NameParts): boolean {
  switch (object.resolved) {
    case 'catalog':
      return false
    case 'assumed':
      return true
    case 'none':
      return name.length === 1
    default:
      return object.resolved satisfies never
  }
}

function surelyFits(pattern: ObjectPattern, object: ResolvedObject): boolean {
  return (
    isKnown(object) && cachedCandidates(object.name).some((candidate) => pattern.whole(candidate))
  )
}

/** Compiles the key `object`. Throws `config.invalid` for a pattern with an open quote. */
export function compileObjectNames(values: readonly string[]): ObjectKey {
  const list = splitValues('object', values)
  const positives = list.positives.map(compileObjectPattern)
  const negatives = list.negatives.map(compileObjectPattern)
  return {
    mayHold: (object) =>
      (positives.length === 0 || positives.some((pattern) => mayFit(pattern, object))) &&
      !negatives.some((pattern) => surelyFits(pattern, object)),
    surelyHolds: (object) =>
      isKnown(object) && passes(positives, negatives, (pattern) => surelyFits(pattern, object)),
  }
}

/** Types that share the relations' names: which of them a name is, only the catalog knows. */
const relation_types: ReadonlySet<string> = new Set([
  'TABLE',
  'FOREIGN TABLE',
  'INDEX',
  'SEQUENCE',
  'TOAST TABLE',
  'TOAST VALUE',
  'VIEW',
  'MATERIALIZED VIEW',
  'COMPOSITE TYPE',
])

/** `materialized_view`, as the model writes it, and `MATERIALIZED VIEW` are the same type. */
function plainType(type: string): string {
  return type.toUpperCase().replaceAll('_', ' ')
}

/** Compiles the key `object_type`; case and underscores do not count. */
export function compileObjectTypes(values: readonly string[]): ObjectKey {
  const list = splitValues('object_type', values)
  const compile = (pattern: string): TextTest => compileGlob(plainType(pattern))
  const positives = list.positives.map(compile)
  const negatives = list.negatives.map(compile)
  const some_relation = [...relation_types].some((type) => positives.some((test) => test(type)))
  return {
    mayHold: (object) => {
      const type = plainType(object.type)
      if (isKnown(object)) return passes(positives, negatives, (test) => test(type))
      if (positives.length === 0 || type === '') return true
      return positives.some((test) => test(type)) || (some_relation && relation_types.has(type))
    },
    surelyHolds: (object) => {
      const type = plainType(object.type)
      return isKnown(object) && type !== '' && passes(positives, negatives, (test) => test(type))
    },
  }
}
