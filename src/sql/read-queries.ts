import type { FuncCall, RangeVar } from '@pgsql/types'
import { change_handlers } from './change-handlers.js'
import type { StatementClass } from './facts.js'
import { Findings } from './findings.js'
import { query_handlers } from './query-handlers.js'
import { QueryWalk } from './query-walk.js'

const handlers = { ...query_handlers, ...change_handlers }
const none_settled: ReadonlySet<FuncCall> = new Set()

/**
 * Reads a query, an expression or any list of them: what it selects from, what it changes, which
 * functions it calls, and what those may do to the session. `settled` are calls of set_config
 * whose effect the caller has noted as certain.
 */
export function readQueries(
  findings: Findings,
  value: unknown,
  settled: ReadonlySet<FuncCall> = none_settled,
): void {
  new QueryWalk(findings, handlers, settled).run(value)
}

/**
 * Reads what a definition merely names, such as a view's query or a column's default: its objects
 * are references. `runs` says whether the server may evaluate it at once: then its functions are
 * called, and may have changed the session.
 */
export function readReferences(
  findings: Findings,
  value: unknown,
  options: { readonly class: StatementClass; readonly runs: boolean },
): void {
  if (value === undefined) return
  const inner = new Findings()
  readQueries(inner, value)
  findings.absorb(inner, {
    class: options.class,
    access: ['reference'],
    functions_run: options.runs,
    effects: options.runs ? 'opaque' : 'none',
  })
}

/** Reads relations that a definition names directly, such as a parent table. */
export function readNamedRelations(
  findings: Findings,
  relations: readonly (RangeVar | undefined)[],
  kind: StatementClass,
): void {
  for (const relation of relations) {
    if (relation === undefined) continue
    readReferences(findings, { RangeVar: relation }, { class: kind, runs: false })
  }
}
