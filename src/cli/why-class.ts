import type { ResolvedObject } from '../catalog/names.js'
import type { StatementClass, StatementFacts } from '../sql/facts.js'
import { type MapRow, statement_map } from '../sql/statement-map.js'
import { oneLine } from './terminal-text.js'

/** The row of the class map for a kind of statement; undefined for what is none of the grammar. */
function rowOf(node: string): MapRow | undefined {
  const rows: Readonly<Record<string, MapRow>> = statement_map
  return Object.hasOwn(rows, node) ? rows[node] : undefined
}

/** Why a statement has its class: the row of the map, and what has made it stronger. */
export function whyClass(
  { node, reason, class: of_text }: StatementFacts,
  objects: readonly ResolvedObject[],
  final_class: StatementClass,
): readonly string[] {
  const row = rowOf(node)
  if (row === undefined) return [reason]
  const by_itself = `${node} is ${row.class}. ${row.reason}`
  if (final_class === row.class) return [by_itself]
  const causes = objects
    .filter((object) => object.class === final_class)
    .map(({ name, access, via }) => {
      const done = access.length === 0 ? 'named' : access.join(', ')
      return oneLine(`${final_class} by ${name}: ${done}${via === undefined ? '' : ` via ${via}`}`)
    })
  const by_catalog = final_class === 'FUNCTION' && of_text !== final_class
  const seen_by_catalog = by_catalog ? ['only the catalog tells of that call'] : []
  if (causes.length > 0) return [by_itself, ...causes, ...seen_by_catalog]
  if (node === 'ExecuteStmt' || node === 'FetchStmt')
    return [by_itself, 'WRITE at least, since that is not known']
  return [by_itself, `${final_class} by what it does or contains`]
}
