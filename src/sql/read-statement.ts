import type { Node } from '@pgsql/types'
import type { StatementClass } from './facts.js'
import { type Findings, strongestClass } from './findings.js'
import { alter_readers } from './read-alter.js'
import { create_readers } from './read-create.js'
import { global_readers } from './read-global.js'
import { role_readers } from './read-roles.js'
import { row_readers } from './read-rows.js'
import { session_readers } from './read-session.js'
import { statement_map } from './statement-map.js'
import type { Outcome, ReadContext, Reader, Readers } from './statement-reader.js'
import { bodyOf, kindOf, type StatementKind } from './tree.js'

/** One reader for every kind of statement: a kind without one does not compile. */
const readers: Readers<StatementKind> = {
  ...alter_readers,
  ...create_readers,
  ...global_readers,
  ...role_readers,
  ...row_readers,
  ...session_readers,
}

/** A statement read: what it is; what it touches and does is in the findings. */
export interface ReadStatement {
  readonly node: StatementKind
  readonly class: StatementClass
  readonly command: string
  readonly tags: readonly string[]
  readonly reason: string
}

function isStatement(kind: string): kind is StatementKind {
  return Object.hasOwn(statement_map, kind)
}

function apply<K extends StatementKind>(
  kind: K,
  node: Node | undefined,
  findings: Findings,
  context: ReadContext,
): Outcome {
  const body = bodyOf(node, kind)
  if (body === undefined) throw new RangeError(`a statement without contents: ${kind}`)
  const reader: Reader<K> = readers[kind]
  const outcome = reader(body, findings, context)
  return typeof outcome === 'string' ? { command: outcome } : outcome
}

/** The reason of the map's row, and what made the class stronger than the row says. */
function explain(row: StatementClass, reason: string, found: StatementClass): string {
  if (row === found) return reason
  return `${reason.slice(0, -1)}, and what it contains makes it ${found}.`
}

/**
 * Reads one statement into the findings.
 * @throws RangeError when the node is no statement: the grammar and the map do not match.
 */
export function readStatement(
  node: Node | undefined,
  findings: Findings,
  context: ReadContext,
): ReadStatement {
  const kind = kindOf(node)
  if (!isStatement(kind)) throw new RangeError(`no statement of the grammar: ${kind}`)
  const row = statement_map[kind]
  const outcome = apply(kind, node, findings, context)
  const own = outcome.class ?? row.class
  const strongest = strongestClass(own, findings.strongest())
  return {
    node: kind,
    class: strongest,
    command: outcome.command,
    tags: outcome.tags ?? [outcome.command],
    reason: explain(row.class, row.reason, strongest),
  }
}
