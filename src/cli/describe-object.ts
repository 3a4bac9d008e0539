import { quoteQualified } from '../catalog/quote-identifier.js'
import type { ObjectReference } from '../sql/facts.js'
import { oneLine } from './terminal-text.js'

/** An object of a statement in one line: name as written, type, what is done with it. */
export function describeObject(object: ObjectReference): string {
  const name = `${quoteQualified(object.schema, object.name)}${object.arguments ?? ''}`
  const on =
    object.on === undefined ? '' : ` on ${quoteQualified(object.on.schema, object.on.name)}`
  const columns = object.columns === undefined ? '' : ` (${object.columns.join(', ')})`
  const access = object.access.length === 0 ? 'named' : object.access.join(', ')
  return oneLine(`${name}${on}: ${object.type}, ${object.class}, ${access}${columns}`)
}
