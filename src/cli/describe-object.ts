import type { ResolvedObject } from '../catalog/names.js'
import { quoteQualified } from '../catalog/quote-identifier.js'
import type { ObjectReference } from '../sql/facts.js'
import { oneLine } from './terminal-text.js'

type Described = Pick<ObjectReference, 'type' | 'class' | 'access' | 'columns'>

function described({ type, class: class_of, access, columns }: Described): string {
  const done = access.length === 0 ? 'named' : access.join(', ')
  const of = columns === undefined || columns.length === 0 ? '' : ` (${columns.join(', ')})`
  return `${type}, ${class_of}, ${done}${of}`
}

/** An object of a statement in one line: name as written, type, what is done with it. */
export function describeObject(object: ObjectReference): string {
  const name = `${quoteQualified(object.schema, object.name)}${object.arguments ?? ''}`
  const on =
    object.on === undefined ? '' : ` on ${quoteQualified(object.on.schema, object.on.name)}`
  return oneLine(`${name}${on}: ${described(object)}`)
}

const certainty = {
  catalog: 'in the catalog',
  assumed: 'assumed',
  none: 'not found',
} as const satisfies Record<ResolvedObject['resolved'], string>

/** The same of an object whose name is resolved, with how sure that is and what is known of it. */
export function describeResolved(object: ResolvedObject, grants: readonly string[]): string {
  const { owner, via, audited, resolved } = object
  return oneLine(
    [
      `${object.name}: ${described(object)}`,
      ...(via === undefined ? [] : [`via ${via}`]),
      ...(owner === undefined ? [] : [`owner ${owner}`]),
      certainty[resolved],
      ...(audited === true
        ? [
            grants.length === 0
              ? 'audited, as no grant rules it out'
              : `audited: ${grants.join(', ')}`,
          ]
        : []),
    ].join('; '),
  )
}
