import type { Node } from '@pgsql/types'
import type { ObjectReference } from './facts.js'
import { qualifiedName, stringsOf } from './tree.js'

/**
 * The operators of pg_catalog in PostgreSQL 18, as `SELECT DISTINCT oprname FROM pg_operator` lists
 * them on a fresh cluster.
 */
const names = `
!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <->
<< <<= <<| <= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>>
|| ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~*`

/** Operators that PostgreSQL itself has. */
export const catalog_operators: ReadonlySet<string> = new Set(names.trim().split(/\s+/))

const operator_name = /^[-+*/<>=~!@#%^&|`?]+$/

/**
 * The operator of a user or an extension that an expression applies: it calls a function whose name
 * stands nowhere. Undefined for what pg_catalog has; a user may have given one of those names more
 * meanings, which the text does not tell.
 */
export function userOperator(name: readonly Node[] | undefined): ObjectReference | undefined {
  const parts = qualifiedName(stringsOf(name))
  if (parts.schema === 'pg_catalog') return undefined
  if (parts.schema === undefined && catalog_operators.has(parts.name)) return undefined
  // BETWEEN and its like are no operators, although the tree has them in the same place.
  if (!operator_name.test(parts.name)) return undefined
  return {
    lookup: 'schema_object',
    ...parts,
    type: 'OPERATOR',
    class: 'FUNCTION',
    access: ['execute'],
  }
}
