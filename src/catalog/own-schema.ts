import type { ObjectReference, OwnSchema } from '../sql/facts.js'
import type { NameContext } from './names.js'

/** What stands in the place of a name that nobody can write. */
const keywords: Readonly<Record<OwnSchema, 'current_user' | 'session_user'>> = {
  '\0current_user': 'current_user',
  '\0session_user': 'session_user',
}

/** The name of a schema, where the text may mean that of the session's own role. */
export function schemaName(name: string, context: NameContext): string {
  return name.startsWith('\0') ? context[keywords[name as OwnSchema]] : name
}

/** A reference without such a stand-in for its schema, or for its name if it is the schema. */
export function inOwnSchema(object: ObjectReference, context: NameContext): ObjectReference {
  const { schema, on, name } = object
  if (name.startsWith('\0')) return { ...object, name: schemaName(name, context) }
  const own =
    schema?.startsWith('\0') === true ? { schema: schemaName(schema, context) } : undefined
  const table =
    on?.schema?.startsWith('\0') === true
      ? { on: { ...on, schema: schemaName(on.schema, context) } }
      : undefined
  return own === undefined && table === undefined ? object : { ...object, ...own, ...table }
}
