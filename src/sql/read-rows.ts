import type {
  CopyStmt,
  CreateTableAsStmt,
  ExplainStmt,
  IntoClause,
  Node,
  SelectStmt,
} from '@pgsql/types'
import { createRelation } from './definitions.js'
import type { ObjectReference } from './facts.js'
import { Findings, strongestClass } from './findings.js'
import { namedObject } from './object-names.js'
import { readQueries, readReferences } from './read-queries.js'
import { certainSettings } from './set-config.js'
import type { Outcome, ReadContext, Readers } from './statement-reader.js'
import { bodiesOf, bodyOf, booleanOf, constantOf, relationName, stringsOf } from './tree.js'

/** The INTO of a SELECT stands in the leftmost arm of a UNION. */
function intoClause(select: SelectStmt): IntoClause | undefined {
  let arm = select
  while (arm.larg !== undefined) arm = arm.larg
  return arm.intoClause
}

function createTarget(
  findings: Findings,
  into: IntoClause | undefined,
  type: 'OBJECT_TABLE' | 'OBJECT_MATVIEW',
  if_not_exists: boolean | undefined,
  sources?: readonly ObjectReference[],
): void {
  if (into?.rel === undefined) return
  const columns = into.colNames === undefined ? undefined : stringsOf(into.colNames)
  const on_commit_drop = into.onCommit === 'ONCOMMIT_DROP'
  const told = sources === undefined ? {} : { sources }
  createRelation(findings, into.rel, type, { columns, if_not_exists, on_commit_drop, ...told })
}

function readSelect(statement: SelectStmt, findings: Findings): Outcome | string {
  const into = intoClause(statement)
  if (into !== undefined) {
    createTarget(findings, into, 'OBJECT_TABLE', false)
    readQueries(findings, { SelectStmt: statement })
    return { command: 'SELECT INTO', class: 'DDL', tags: ['SELECT INTO', 'SELECT'] }
  }
  readQueries(findings, { SelectStmt: statement }, certainSettings(statement, findings))
  return 'SELECT'
}

/** A row-changing statement: its tag is always its own name. */
function readChange(findings: Findings, node: Node, command: string): string {
  readQueries(findings, node)
  return command
}

function readCreateTableAs(
  statement: CreateTableAsStmt,
  findings: Findings,
  context: ReadContext,
): Outcome {
  const type = statement.objtype === 'OBJECT_MATVIEW' ? 'OBJECT_MATVIEW' : 'OBJECT_TABLE'
  const inner = new Findings()
  context.read(statement.query, inner)
  const named = inner.objects().filter((object) => object.lookup === 'relation')
  const sources = type === 'OBJECT_MATVIEW' ? named : undefined
  createTarget(findings, statement.into, type, statement.if_not_exists, sources)
  // WITH NO DATA only names its sources; nothing is read and nothing runs.
  if (statement.into?.skipData === true) {
    findings.absorb(inner, { class: 'DDL', access: ['reference'], effects: 'none' })
  } else findings.absorb(inner, { effects: 'all' })
  const command = type === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS'
  return { command, tags: [command, 'SELECT'] }
}

/**
 * COPY to a file of the server writes that file, and to a program runs whatever the text says: more
 * than the READ that pgaudit takes it for.
 */
function readCopy(statement: CopyStmt, findings: Findings, context: ReadContext): Outcome {
  const own = statement.filename === undefined ? 'READ' : 'WRITE'
  if (statement.query !== undefined) {
    const inner = context.read(statement.query, findings)
    return { command: 'COPY', class: strongestClass(own, inner.class) }
  }
  const columns = statement.attlist === undefined ? ['*'] : stringsOf(statement.attlist)
  const from = statement.is_from === true
  const table = findings.add({
    lookup: 'relation',
    ...relationName(statement.relation ?? {}),
    type: 'TABLE',
    class: from ? 'WRITE' : 'READ',
    access: [from ? 'insert' : 'select'],
    columns,
  })
  if (statement.whereClause !== undefined) {
    // It looks at columns of the new rows, which the server takes for reading (copy.c, DoCopy).
    table.access.add('select')
    table.columns_unknown = true
  }
  readQueries(findings, statement.whereClause)
  return { command: 'COPY', class: from ? 'WRITE' : own }
}

/** The last ANALYZE option decides, as in ExplainQuery; what cannot be read counts as on. */
function analyses(statement: ExplainStmt): boolean {
  let analyse = false
  for (const option of bodiesOf(statement.options, 'DefElem')) {
    if (option.defname !== 'analyze') continue
    const word = bodyOf(option.arg, 'String')?.sval ?? constantOf(option.arg) ?? undefined
    const number = bodyOf(option.arg, 'Integer')
    const text = number === undefined ? word : String(number.ival ?? 0)
    analyse = text === undefined ? true : (booleanOf(text) ?? true)
  }
  return analyse
}

/** What EXPLAIN shows the plan of: the query inside, for what has one. */
function explainedQuery(query: Node | undefined): Node | undefined {
  const table = bodyOf(query, 'CreateTableAsStmt')
  if (table !== undefined) return explainedQuery(table.query)
  const cursor = bodyOf(query, 'DeclareCursorStmt')
  return cursor === undefined ? query : cursor.query
}

function readExplain(statement: ExplainStmt, findings: Findings, context: ReadContext): Outcome {
  const { query } = statement
  const view = bodyOf(query, 'RefreshMatViewStmt')
  if (query === undefined || view !== undefined) {
    // The server has no plan to show for a refresh and does not run it either.
    const name = relationName(view?.relation ?? {})
    const use = { class: 'MISC', access: 'reference' } as const
    if (view !== undefined) findings.add(namedObject('OBJECT_MATVIEW', name, use))
    return { command: 'EXPLAIN' }
  }
  if (analyses(statement)) {
    const cursor = bodyOf(query, 'DeclareCursorStmt')
    const inner = context.read(cursor?.query ?? query, findings)
    return { command: 'EXPLAIN', class: inner.class }
  }
  const explained = explainedQuery(query)
  const execute = bodyOf(explained, 'ExecuteStmt')
  const value = execute === undefined ? explained : execute.params
  // Planning folds constants, so that a function may run even here.
  readReferences(findings, value, { class: 'MISC', runs: true })
  return { command: 'EXPLAIN' }
}

type RowKind =
  | 'CopyStmt'
  | 'CreateTableAsStmt'
  | 'DeleteStmt'
  | 'ExplainStmt'
  | 'InsertStmt'
  | 'MergeStmt'
  | 'SelectStmt'
  | 'TruncateStmt'
  | 'UpdateStmt'

/** Readers for the statements that read or change rows. */
export const row_readers: Readers<RowKind> = {
  CopyStmt: readCopy,
  CreateTableAsStmt: readCreateTableAs,
  DeleteStmt: (statement, findings) => readChange(findings, { DeleteStmt: statement }, 'DELETE'),
  ExplainStmt: readExplain,
  InsertStmt: (statement, findings) => readChange(findings, { InsertStmt: statement }, 'INSERT'),
  MergeStmt: (statement, findings) => readChange(findings, { MergeStmt: statement }, 'MERGE'),
  SelectStmt: readSelect,
  TruncateStmt: (statement, findings) => {
    for (const relation of bodiesOf(statement.relations, 'RangeVar')) {
      const name = relationName(relation)
      findings.add(namedObject('OBJECT_TABLE', name, { class: 'WRITE', access: 'truncate' }))
    }
    return 'TRUNCATE TABLE'
  },
  UpdateStmt: (statement, findings) => readChange(findings, { UpdateStmt: statement }, 'UPDATE'),
}
