import type {
  Alias,
  DeleteStmt,
  InsertStmt,
  MergeStmt,
  MergeWhenClause,
  Node,
  RangeVar,
  ReturningClause,
  UpdateStmt,
} from '@pgsql/types'
import type { Access } from './facts.js'
import type { ObjectDraft } from './findings.js'
import { Entry, type Level } from './query-levels.js'
import { cteScope, type Handlers, type QueryWalk, type Task } from './query-walk.js'
import { bodiesOf } from './tree.js'

/** The relation that a statement changes, as its level knows it. */
interface Target {
  readonly object: ObjectDraft
  readonly entry: Entry
  readonly level: Level
}

/** Opens the level of a data-modifying statement with its target in it. */
function openTarget(
  walk: QueryWalk,
  relation: RangeVar | undefined,
  access: Access,
  task: Task,
): Target {
  const named = relation ?? {}
  const object = walk.relation(named, access === 'select' ? 'READ' : 'WRITE', access)
  const level = walk.newLevel(task.level)
  const alias: Alias | undefined = named.alias
  const renamed = (alias?.colnames?.length ?? 0) > 0
  const entry = new Entry([{ object, target: true, renamed }], [])
  level.addEntry(entry)
  const schema = alias === undefined ? named.schemaname : undefined
  level.addAlias(alias?.aliasname ?? named.relname ?? '', entry, schema)
  return { object, entry, level }
}

/** The columns that SET or a column list assigns. */
function assign(
  object: ObjectDraft,
  access: 'insert' | 'update',
  targets: readonly Node[] | undefined,
): void {
  for (const target of bodiesOf(targets, 'ResTarget')) {
    if (target.name !== undefined) object.use(access, target.name)
  }
}

/** RETURNING reads the target, under its own names and under `old` and `new` (PostgreSQL 18). */
function returning(target: Target, clause: ReturningClause | undefined): readonly unknown[] {
  if (clause === undefined) return []
  const { level, entry } = target
  level.addAlias('old', entry)
  level.addAlias('new', entry)
  for (const option of bodiesOf(clause.options, 'ReturningOption')) {
    if (option.value !== undefined) level.addAlias(option.value, entry)
  }
  return [clause.exprs]
}

function insertStmt(walk: QueryWalk, body: InsertStmt, task: Task): void {
  const ctes = cteScope(body.withClause, task.ctes)
  const target = openTarget(walk, body.relation, 'insert', task)
  if (body.cols !== undefined) assign(target.object, 'insert', body.cols)
  else if (body.selectStmt !== undefined) target.object.use('insert', '*')
  const pieces: unknown[] = [body.cols]
  const conflict = body.onConflictClause
  if (conflict !== undefined) {
    if (conflict.action === 'ONCONFLICT_UPDATE') target.object.access.add('update')
    // Reading the values that were proposed takes the right to read the target's column.
    target.level.addAlias('excluded', target.entry)
    const keys = conflict.infer?.indexElems
    if (conflict.infer !== undefined) target.object.access.add('select')
    // Reading the columns of a constraint takes the right to, and the text does not tell which.
    if (conflict.infer?.conname !== undefined) target.object.columns_unknown = true
    for (const key of bodiesOf(keys, 'IndexElem')) {
      if (key.name !== undefined) target.object.use('select', key.name)
    }
    assign(target.object, 'update', conflict.targetList)
    pieces.push(keys, conflict.infer?.whereClause, conflict.targetList, conflict.whereClause)
  }
  pieces.push(...returning(target, body.returningClause))
  walk.pushAll(pieces, target.level, ctes)
  walk.push({ value: body.selectStmt, level: task.level, ctes })
  walk.pushCtes(body.withClause, ctes, task)
}

/** pg_settings is a view whose rule calls set_config for each row that UPDATE changes. */
function isSettingsView(relation: RangeVar | undefined): boolean {
  const schema = relation?.schemaname ?? 'pg_catalog'
  return relation?.relname === 'pg_settings' && schema === 'pg_catalog'
}

function updateStmt(walk: QueryWalk, body: UpdateStmt, task: Task): void {
  if (isSettingsView(body.relation)) walk.findings.opaque(['settings'])
  const ctes = cteScope(body.withClause, task.ctes)
  const target = openTarget(walk, body.relation, 'update', task)
  assign(target.object, 'update', body.targetList)
  const result = returning(target, body.returningClause)
  const pieces = [body.targetList, body.fromClause, body.whereClause, ...result]
  walk.pushAll(pieces, target.level, ctes)
  walk.pushCtes(body.withClause, ctes, task)
}

function deleteStmt(walk: QueryWalk, body: DeleteStmt, task: Task): void {
  const ctes = cteScope(body.withClause, task.ctes)
  const target = openTarget(walk, body.relation, 'delete', task)
  const result = returning(target, body.returningClause)
  walk.pushAll([body.usingClause, body.whereClause, ...result], target.level, ctes)
  walk.pushCtes(body.withClause, ctes, task)
}

/** What one WHEN clause of MERGE does with the target. */
function mergeWhen(object: ObjectDraft, clause: MergeWhenClause): void {
  switch (clause.commandType) {
    case 'CMD_INSERT':
      object.access.add('insert')
      if (clause.targetList !== undefined) assign(object, 'insert', clause.targetList)
      else if (clause.values !== undefined) object.use('insert', '*')
      break
    case 'CMD_UPDATE':
      object.access.add('update')
      assign(object, 'update', clause.targetList)
      break
    case 'CMD_DELETE':
      object.access.add('delete')
      break
    default:
      // DO NOTHING leaves the target as it is.
      return
  }
  object.class = 'WRITE'
}

function mergeStmt(walk: QueryWalk, body: MergeStmt, task: Task): void {
  const ctes = cteScope(body.withClause, task.ctes)
  const clauses = bodiesOf(body.mergeWhenClauses, 'MergeWhenClause')
  const target = openTarget(walk, body.relation, 'select', task)
  // DO NOTHING takes the right to read; otherwise only columns that are named somewhere do.
  if (clauses.every(({ commandType }) => commandType !== 'CMD_NOTHING')) {
    target.object.access.delete('select')
  }
  for (const clause of clauses) mergeWhen(target.object, clause)
  const pieces: unknown[] = [body.sourceRelation, body.joinCondition]
  for (const clause of clauses) pieces.push(clause.condition, clause.targetList, clause.values)
  pieces.push(...returning(target, body.returningClause))
  walk.pushAll(pieces, target.level, ctes)
  walk.pushCtes(body.withClause, ctes, task)
}

/** What is special about statements that change rows, at the top or inside WITH. */
export const change_handlers: Handlers = {
  DeleteStmt: deleteStmt,
  InsertStmt: insertStmt,
  MergeStmt: mergeStmt,
  UpdateStmt: updateStmt,
}
