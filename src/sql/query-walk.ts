import type { FuncCall, RangeVar, WithClause } from '@pgsql/types'
import type { Access, StatementClass } from './facts.js'
import type { Findings, ObjectDraft } from './findings.js'
import { meaningOfCall } from './function-calls.js'
import { ColumnDoubts, type Entry, Level } from './query-levels.js'
import { type Body, bodiesOf, type NodeKind, relationName } from './tree.js'

/** The CTE names that are visible at a place: those of one WITH up to a point, and outer ones. */
export interface CteScope {
  readonly names: ReadonlyMap<string, number>
  /** Only names with a smaller position are visible: a CTE sees those before it. */
  readonly visible: number
  readonly outer: CteScope | undefined
}

/** One piece of the tree that still has to be read, with what is in scope there. */
export interface Task {
  readonly value: unknown
  readonly level: Level
  readonly ctes: CteScope | undefined
  /** The aliased join inside which the piece stands: its relations are reached by that alias. */
  readonly join?: Entry | undefined
  /** The columns of the JOIN … USING that the piece is a side of. */
  readonly using?: readonly string[]
  /** For a subquery in FROM: the level that was made for it. */
  readonly own?: Level | undefined
}

/** What to do with a node of one kind; kinds without a handler are descended into. */
export type Handlers = {
  readonly [K in NodeKind]?: (walk: QueryWalk, body: Body<K>, task: Task) => void
}

/**
 * Reads queries and expressions and adds the relations and functions they use to the findings.
 * It works through a list of its own instead of recursing, so that depth costs no stack and every
 * node is visited once.
 */
export class QueryWalk {
  readonly findings: Findings
  readonly #handlers: Handlers
  readonly #settled: ReadonlySet<FuncCall>
  readonly #pending: Task[] = []
  readonly #levels: Level[] = []
  readonly #doubts = new ColumnDoubts()

  /** Calls in `settled` have had their effect on settings noted already. */
  constructor(findings: Findings, handlers: Handlers, settled: ReadonlySet<FuncCall>) {
    this.findings = findings
    this.#handlers = handlers
    this.#settled = settled
  }

  /** Reads a node, or a list of nodes, to the end. */
  run(value: unknown): void {
    this.push({ value, level: this.newLevel(undefined), ctes: undefined })
    for (let task = this.#pending.pop(); task !== undefined; task = this.#pending.pop()) {
      this.#visit(task)
    }
    for (const level of this.#levels) level.resolve()
    for (const level of this.#levels) level.finish()
  }

  newLevel(parent: Level | undefined): Level {
    const level = new Level(parent, this.#doubts)
    this.#levels.push(level)
    return level
  }

  push(task: Task): void {
    if (typeof task.value === 'object' && task.value !== null) this.#pending.push(task)
  }

  /** Queues several pieces so that they are read in the order given. */
  pushAll(values: readonly unknown[], level: Level, ctes: CteScope | undefined): void {
    for (let index = values.length - 1; index >= 0; index -= 1) {
      this.push({ value: values[index], level, ctes })
    }
  }

  #visit(task: Task): void {
    const { value } = task
    if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index -= 1) {
        this.push({ ...task, value: value[index] })
      }
      return
    }
    const body = value as Readonly<Record<string, unknown>>
    const keys = Object.keys(body)
    for (let index = keys.length - 1; index >= 0; index -= 1) {
      const key = keys[index]
      if (key === undefined) continue
      const child = body[key]
      if (typeof child !== 'object' || child === null) continue
      const handler = isNodeKey(key) ? this.#handlers[key] : undefined
      if (handler !== undefined) handler(this, child as never, task)
      else this.push({ ...task, value: child, own: undefined })
    }
  }

  /** Adds a relation that the statement uses. */
  relation(relation: RangeVar, kind: StatementClass, access: Access): ObjectDraft {
    return this.findings.add({
      lookup: 'relation',
      ...relationName(relation),
      type: 'TABLE',
      class: kind,
      access: [access],
    })
  }

  /** Notes a function call and queues what stands inside it. */
  call(call: FuncCall, task: Task): void {
    const meaning = meaningOfCall(call)
    if (meaning.object !== undefined) this.findings.add(meaning.object)
    if (meaning.built_in !== undefined) this.findings.builtInCall(meaning.built_in)
    if (!this.#settled.has(call)) this.findings.opaque(meaning.forgets)
    const { level, ctes } = task
    this.pushAll([call.args, call.agg_order, call.agg_filter, call.over], level, ctes)
  }

  /** Queues the queries of a WITH clause, each with the names that it may use. */
  pushCtes(clause: WithClause | undefined, scope: CteScope | undefined, task: Task): void {
    if (clause === undefined || scope === undefined) return
    const ctes = bodiesOf(clause.ctes, 'CommonTableExpr')
    for (let index = ctes.length - 1; index >= 0; index -= 1) {
      const visible = clause.recursive === true ? ctes.length : index
      this.push({
        value: ctes[index]?.ctequery,
        level: task.level,
        ctes: { ...scope, visible },
      })
    }
  }
}

/** What is visible in a statement that has this WITH clause. */
export function cteScope(
  clause: WithClause | undefined,
  outer: CteScope | undefined,
): CteScope | undefined {
  if (clause === undefined) return outer
  const names = new Map<string, number>()
  for (const cte of bodiesOf(clause.ctes, 'CommonTableExpr')) {
    names.set(cte.ctename ?? '', names.size)
  }
  return { names, visible: names.size, outer }
}

/** Node kinds begin with a capital letter, their fields with a small one. */
function isNodeKey(key: string): key is NodeKind {
  const first = key.charCodeAt(0)
  return first >= 65 && first <= 90
}
