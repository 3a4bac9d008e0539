import type {
  Alias,
  ColumnRef,
  Constraint,
  JoinExpr,
  MultiAssignRef,
  Node,
  PartitionCmd,
  RangeSubselect,
  RangeTableSample,
  RangeVar,
  SelectStmt,
  TableLikeClause,
} from '@pgsql/types'
import { meaningOfName } from './function-calls.js'
import { userOperator } from './operator-calls.js'
import { Entry, type Level, type RelationUse } from './query-levels.js'
import { type CteScope, cteScope, type Handlers, type QueryWalk, type Task } from './query-walk.js'
import { bodiesOf, bodyOf, stringsOf } from './tree.js'

/** True when an unqualified name is a CTE at this place. */
function isCte(name: string, scope: CteScope | undefined): boolean {
  for (let one = scope; one !== undefined; one = one.outer) {
    const position = one.names.get(name)
    if (position !== undefined && position < one.visible) return true
  }
  return false
}

/** Adds what a FROM item offers to its level, or to the aliased join around it. */
function offer(task: Task, alias: string | undefined, entry: Entry, schema?: string): void {
  task.level.addEntry(entry)
  if (task.join !== undefined) task.join.uses.push(...entry.uses)
  else if (alias !== undefined) task.level.addAlias(alias, entry, schema)
}

/** A relation, or a CTE, in a FROM list. */
function rangeVar(walk: QueryWalk, body: RangeVar, task: Task): void {
  const name = body.relname ?? ''
  const alias = body.alias?.aliasname ?? name
  if (body.schemaname === undefined && isCte(name, task.ctes)) {
    offer(task, alias, new Entry([], []))
    return
  }
  const use: RelationUse = {
    object: walk.relation(body, 'READ', 'select'),
    target: false,
    renamed: (body.alias?.colnames?.length ?? 0) > 0,
  }
  const schema = body.alias === undefined ? body.schemaname : undefined
  const entry = new Entry([use], [])
  offer(task, alias, entry, schema)
  for (const column of task.using ?? []) entry.noteColumn(column)
}

function rangeSubselect(walk: QueryWalk, body: RangeSubselect, task: Task): void {
  // Only LATERAL lets a subquery see its neighbours; outer queries it always sees.
  const outer = body.lateral === true ? task.level : (task.level.parent ?? task.level)
  const own = walk.newLevel(outer)
  offer(task, body.alias?.aliasname, new Entry([], [own]))
  walk.push({ value: body.subquery, level: outer, ctes: task.ctes, own })
}

/** A function, XMLTABLE or JSON_TABLE in FROM: its columns belong to no relation. */
function rangeOther(
  walk: QueryWalk,
  alias: Alias | undefined,
  pieces: readonly unknown[],
  task: Task,
): void {
  offer(task, alias?.aliasname, new Entry([], []))
  walk.pushAll(pieces, task.level, task.ctes)
}

function rangeTableSample(walk: QueryWalk, body: RangeTableSample, task: Task): void {
  const method = meaningOfName(stringsOf(body.method), body.args?.length ?? 0)
  if (method.object !== undefined) walk.findings.add(method.object)
  walk.findings.opaque(method.forgets)
  walk.push({ ...task, value: body.repeatable })
  walk.push({ ...task, value: body.args })
  walk.push({ ...task, value: body.relation })
}

function joinExpr(walk: QueryWalk, body: JoinExpr, task: Task): void {
  const { level, ctes } = task
  let join = task.join
  if (body.alias?.aliasname !== undefined) {
    const entry = new Entry([], [])
    level.addAlias(body.alias.aliasname, entry)
    join = entry
  }
  walk.push({ value: body.quals, level, ctes })
  const columns = stringsOf(body.usingClause)
  if (body.isNatural === true) level.confuse()
  for (const side of [body.rarg, body.larg]) {
    // A join inside has the column in one of its relations, which the text does not tell.
    if (bodyOf(side, 'JoinExpr') !== undefined) for (const column of columns) level.doubt(column)
    walk.push({ value: side, level, ctes, join, using: columns })
  }
}

/** The names that a select list gives. */
function outputNames(body: SelectStmt): ReadonlySet<string> {
  const outputs = new Set<string>()
  for (const target of bodiesOf(body.targetList, 'ResTarget')) {
    if (target.name !== undefined) outputs.add(target.name)
  }
  return outputs
}

/** The name when a node is nothing but one. */
function bareName(node: Node | undefined): string | undefined {
  const fields = bodyOf(node, 'ColumnRef')?.fields
  return fields?.length === 1 ? stringsOf(fields)[0] : undefined
}

/** Leaves out what ORDER BY takes from the select list: those names are not columns. */
function sortKeys(body: SelectStmt): readonly Node[] {
  const keys = body.sortClause ?? []
  if (keys.length === 0) return keys
  const outputs = outputNames(body)
  return keys.filter((key) => {
    const name = bareName(bodyOf(key, 'SortBy')?.node)
    return name === undefined || !outputs.has(name)
  })
}

/** Leaves out what GROUP BY may take from the select list, and notes those names at the level. */
function groupKeys(body: SelectStmt, level: Level): readonly Node[] {
  const keys = body.groupClause ?? []
  if (keys.length === 0) return keys
  const outputs = outputNames(body)
  return keys.filter((key) => {
    const name = bareName(key)
    if (name === undefined || !outputs.has(name)) return true
    level.addOutput(name)
    return false
  })
}

function selectStmt(walk: QueryWalk, body: SelectStmt, task: Task): void {
  const level = task.own ?? walk.newLevel(task.level)
  const ctes = cteScope(body.withClause, task.ctes)
  if (body.larg !== undefined && body.rarg !== undefined) {
    level.outputs_only = true
    walk.pushAll([body.sortClause, body.limitOffset, body.limitCount], level, ctes)
    const [left, right] = [walk.newLevel(level.parent), walk.newLevel(level.parent)]
    level.addInner(left)
    level.addInner(right)
    walk.push({ value: { SelectStmt: body.rarg }, level: task.level, ctes, own: right })
    walk.push({ value: { SelectStmt: body.larg }, level: task.level, ctes, own: left })
  } else {
    for (const lock of bodiesOf(body.lockingClause, 'LockingClause')) {
      level.lock(bodiesOf(lock.lockedRels, 'RangeVar').map((locked) => locked.relname ?? ''))
    }
    const pieces = [
      ...[body.distinctClause, body.targetList, body.fromClause, body.whereClause],
      ...[groupKeys(body, level), body.havingClause, body.windowClause, body.valuesLists],
      ...[sortKeys(body), body.limitOffset, body.limitCount],
    ]
    walk.pushAll(pieces, level, ctes)
  }
  walk.pushCtes(body.withClause, ctes, task)
}

/** `t.a`, `*` and the like, for the level in which it stands. */
function columnRef(_walk: QueryWalk, body: ColumnRef, task: Task): void {
  const parts: (string | null)[] = []
  for (const field of body.fields ?? []) {
    parts.push(bodyOf(field, 'A_Star') === undefined ? (bodyOf(field, 'String')?.sval ?? '') : null)
  }
  task.level.addReference(parts)
}

/** `SET (a, b) = (SELECT …)` repeats the subquery for each column: it is read once. */
function multiAssignRef(walk: QueryWalk, body: MultiAssignRef, task: Task): void {
  if ((body.colno ?? 1) === 1) walk.push({ ...task, value: body.source })
}

function constraint(walk: QueryWalk, body: Constraint, task: Task): void {
  if (body.pktable !== undefined) walk.relation(body.pktable, 'READ', 'select')
  walk.pushAll([body.raw_expr, body.where_clause, body.exclusions], task.level, task.ctes)
}

function partitionCmd(walk: QueryWalk, body: PartitionCmd, task: Task): void {
  if (body.name !== undefined) walk.relation(body.name, 'READ', 'select')
  walk.push({ ...task, value: body.bound })
}

function tableLikeClause(walk: QueryWalk, body: TableLikeClause): void {
  if (body.relation !== undefined) walk.relation(body.relation, 'READ', 'select')
}

/** An operator in an expression, in ANY or ALL, or in ORDER BY … USING, and what stands around it. */
function operator(
  walk: QueryWalk,
  name: readonly Node[] | undefined,
  pieces: readonly unknown[],
  task: Task,
): void {
  const used = userOperator(name)
  if (used !== undefined) walk.findings.add(used)
  walk.pushAll(pieces, task.level, task.ctes)
}

/**
 * What looks like a call and has been syntax since PostgreSQL 16 or 17. On an older server it is a
 * call, and nobody but a user can have made such a function.
 */
function laterSyntax(name: string): (walk: QueryWalk, body: object, task: Task) => void {
  return (walk, body, task) => {
    walk.findings.builtInCall(name)
    walk.pushAll(Object.values(body), task.level, task.ctes)
  }
}

const json_functions: Readonly<Record<string, string>> = {
  JSON_EXISTS_OP: 'json_exists',
  JSON_QUERY_OP: 'json_query',
  JSON_VALUE_OP: 'json_value',
}

/** Holds neither relations nor calls. */
function leaf(): void {}

/** What is special about the nodes of queries and of the expressions in them. */
export const query_handlers: Handlers = {
  A_Const: leaf,
  A_Expr: (walk, body, task) => operator(walk, body.name, [body.lexpr, body.rexpr], task),
  ColumnRef: columnRef,
  Constraint: constraint,
  FuncCall: (walk, body, task) => walk.call(body, task),
  JoinExpr: joinExpr,
  JsonArrayAgg: laterSyntax('json_arrayagg'),
  JsonArrayConstructor: laterSyntax('json_array'),
  JsonFuncExpr: (walk, body, task) =>
    laterSyntax(json_functions[body.op ?? ''] ?? 'json_table')(walk, body, task),
  JsonObjectConstructor: laterSyntax('json_object'),
  JsonParseExpr: laterSyntax('json'),
  JsonScalarExpr: laterSyntax('json_scalar'),
  JsonSerializeExpr: laterSyntax('json_serialize'),
  JsonTable: (walk, body, task) => rangeOther(walk, body.alias, Object.values(body), task),
  MergeSupportFunc: laterSyntax('merge_action'),
  MultiAssignRef: multiAssignRef,
  PartitionCmd: partitionCmd,
  RangeFunction: (walk, body, task) => rangeOther(walk, body.alias, [body.functions], task),
  RangeSubselect: rangeSubselect,
  RangeTableFunc: (walk, body, task) => rangeOther(walk, body.alias, Object.values(body), task),
  RangeTableSample: rangeTableSample,
  RangeVar: rangeVar,
  SelectStmt: selectStmt,
  SortBy: (walk, body, task) => operator(walk, body.useOp, [body.node], task),
  SubLink: (walk, body, task) =>
    operator(walk, body.operName, [body.testexpr, body.subselect], task),
  TableLikeClause: tableLikeClause,
  TypeName: leaf,
}
