import type {
  CreateFunctionStmt,
  CreateSchemaStmt,
  CreateSeqStmt,
  CreateStmt,
  CreateTrigStmt,
  DefineStmt,
  IndexStmt,
  Node,
  RangeVar,
  ViewStmt,
} from '@pgsql/types'
import {
  addWithRelation,
  alters_it,
  columnNames,
  createObject,
  createRelation,
  creates_it,
  names_it,
} from './definitions.js'
import type { OwnerName, OwnSchema, StatementClass } from './facts.js'
import { Findings, strongestClass } from './findings.js'
import { meaningOfName } from './function-calls.js'
import { namedObject, objectOn, parameterText, typeText } from './object-names.js'
import { objectKind } from './object-types.js'
import { readNamedRelations, readReferences } from './read-queries.js'
import type { Outcome, ReadContext, Readers } from './statement-reader.js'
import {
  bodiesOf,
  bodyOf,
  isTemporary,
  itemsOf,
  ownerName,
  qualifiedName,
  relationName,
  stringsOf,
} from './tree.js'

/** Definitions name other objects without reading them. */
const as_reference = { class: 'DDL', runs: false } as const

function readCreateTable(
  statement: CreateStmt,
  findings: Findings,
  type: 'OBJECT_TABLE' | 'OBJECT_FOREIGN_TABLE',
): void {
  const { relation, tableElts, inhRelations } = statement
  if (relation === undefined) return
  const elsewhere =
    inhRelations !== undefined ||
    statement.ofTypename !== undefined ||
    bodiesOf(tableElts, 'TableLikeClause').length > 0
  const relkind = type === 'OBJECT_TABLE' && statement.partspec !== undefined ? 'p' : undefined
  createRelation(findings, relation, type, {
    ...(relkind === undefined ? {} : { relkind }),
    columns: elsewhere ? undefined : columnNames(tableElts),
    if_not_exists: statement.if_not_exists,
    on_commit_drop: statement.oncommit === 'ONCOMMIT_DROP',
  })
  readNamedRelations(findings, bodiesOf(inhRelations, 'RangeVar'), 'DDL')
  readReferences(findings, [tableElts, statement.constraints, statement.partspec], as_reference)
}

/** Adds a function that a definition calls later, such as a trigger's. */
function nameFunction(findings: Findings, name: readonly Node[] | undefined): void {
  const { object } = meaningOfName(stringsOf(name), 0)
  if (object !== undefined) findings.add({ ...object, class: 'DDL', access: ['reference'] })
}

function readView(statement: ViewStmt, findings: Findings): string {
  const query = new Findings()
  readReferences(query, statement.query, as_reference)
  if (statement.view !== undefined) {
    const columns = statement.aliases === undefined ? undefined : stringsOf(statement.aliases)
    const named = query.objects().map((object) => findings.place(object))
    const sources = named.filter((object) => object.lookup === 'relation')
    createRelation(findings, statement.view, 'OBJECT_VIEW', { columns, sources })
  }
  findings.absorb(query, { effects: 'none' })
  return 'CREATE VIEW'
}

function readIndex(statement: IndexStmt, findings: Findings): string {
  const { idxname, relation } = statement
  if (relation !== undefined) {
    const table = relationName(relation)
    // An index lies in the schema of its table, not in the creation schema: hence `on`.
    if (idxname !== undefined) {
      const schema = table.schema === undefined ? {} : { schema: table.schema }
      const index = objectOn('OBJECT_INDEX', idxname, table, creates_it)
      const temporary = isTemporary(relation) ? { temporary: true } : {}
      createObject(
        findings,
        { ...index, ...schema, ...temporary },
        {
          relkind: 'i',
          if_not_exists: statement.if_not_exists === true,
        },
      )
    }
    findings.add(namedObject('OBJECT_TABLE', table, alters_it))
  }
  // The server makes up a missing name.
  if (idxname === undefined) findings.refresh()
  const expressions = [statement.indexParams, statement.whereClause]
  readReferences(findings, expressions, { class: 'DDL', runs: true })
  return 'CREATE INDEX'
}

function readSequence(statement: CreateSeqStmt, findings: Findings): string {
  if (statement.sequence !== undefined) {
    const { if_not_exists } = statement
    createRelation(findings, statement.sequence, 'OBJECT_SEQUENCE', { if_not_exists })
  }
  return 'CREATE SEQUENCE'
}

function readFunction(statement: CreateFunctionStmt, findings: Findings): string {
  const type = statement.is_procedure === true ? 'OBJECT_PROCEDURE' : 'OBJECT_FUNCTION'
  const parameters = bodiesOf(statement.parameters, 'FunctionParameter')
  const named = namedObject(type, qualifiedName(stringsOf(statement.funcname)), creates_it)
  const details = { relkind: '', if_not_exists: false }
  createObject(findings, { ...named, arguments: parameterText(parameters) }, details)
  const defaults = parameters.map((parameter) => parameter.defexpr)
  readReferences(findings, [defaults, statement.sql_body], as_reference)
  return `CREATE ${objectKind(type).tag}`
}

function readTrigger(statement: CreateTrigStmt, findings: Findings): string {
  const table = relationName(statement.relation ?? {})
  const trigger = objectOn('OBJECT_TRIGGER', statement.trigname ?? '', table, creates_it)
  addWithRelation(findings, { ...trigger, creates: true })
  nameFunction(findings, statement.funcname)
  readNamedRelations(findings, [statement.constrrel], 'DDL')
  readReferences(findings, statement.whenClause, as_reference)
  return 'CREATE TRIGGER'
}

/** The operands or parameters of what CREATE AGGREGATE and CREATE OPERATOR define. */
function definedArguments(statement: DefineStmt): string | undefined {
  const options = new Map<string, Node | undefined>()
  for (const option of bodiesOf(statement.definition, 'DefElem')) {
    options.set(option.defname ?? '', option.arg)
  }
  if (statement.kind === 'OBJECT_OPERATOR') {
    const sides = ['leftarg', 'rightarg'].map((side) => bodyOf(options.get(side), 'TypeName'))
    return `(${sides.map(typeText).join(', ')})`
  }
  if (statement.kind !== 'OBJECT_AGGREGATE') return undefined
  if (statement.oldstyle === true) {
    const base = bodyOf(options.get('basetype'), 'TypeName')
    return base === undefined ? '(*)' : `(${typeText(base)})`
  }
  const parameters = bodiesOf(itemsOf(statement.args?.[0]), 'FunctionParameter')
  return parameters.length === 0 ? '(*)' : parameterText(parameters)
}

function readDefine(statement: DefineStmt, findings: Findings): string {
  const kind = objectKind(statement.kind)
  const named = namedObject(
    statement.kind,
    qualifiedName(stringsOf(statement.defnames)),
    creates_it,
  )
  const told = definedArguments(statement)
  const object = told === undefined ? named : { ...named, arguments: told }
  const if_not_exists = statement.if_not_exists === true
  if (kind.lookup === 'schema_object') findings.add({ ...object, creates: true })
  else createObject(findings, object, { relkind: '', if_not_exists })
  return `CREATE ${kind.tag}`
}

/** The relation that an element of CREATE SCHEMA makes. */
function madeRelation(element: Node): RangeVar | undefined {
  return (
    bodyOf(element, 'CreateStmt')?.relation ??
    bodyOf(element, 'ViewStmt')?.view ??
    bodyOf(element, 'CreateSeqStmt')?.sequence
  )
}

/** Without a name of its own a schema has its owner's. */
function schemaOf(owner: OwnerName | undefined): string {
  if (owner === undefined) return ''
  return 'role' in owner ? owner.role : (`\0${owner.keyword}` satisfies OwnSchema)
}

function readCreateSchema(
  statement: CreateSchemaStmt,
  findings: Findings,
  context: ReadContext,
): Outcome {
  const owner = ownerName(statement.authrole)
  const schema = statement.schemaname ?? schemaOf(owner)
  findings.add({ ...namedObject('OBJECT_SCHEMA', { name: schema }, creates_it), creates: true })
  const owned = owner === undefined ? {} : { owner }
  findings.catalog({ change: 'create_schema', name: schema, ...owned })
  const elements = statement.schemaElts ?? []
  const names = new Set(elements.map((element) => madeRelation(element)?.relname ?? ''))
  let strongest: StatementClass = 'DDL'
  for (const element of elements) {
    const inner = new Findings({ schema, names })
    strongest = strongestClass(strongest, context.read(element, inner).class)
    findings.absorb(inner, { effects: 'all' })
  }
  return { command: 'CREATE SCHEMA', class: strongest }
}

/** Adds a new type. */
function createType(
  findings: Findings,
  type: 'OBJECT_TYPE' | 'OBJECT_DOMAIN',
  name: readonly Node[] | undefined,
): void {
  const object = namedObject(type, qualifiedName(stringsOf(name)), creates_it)
  createObject(findings, object, { relkind: '', if_not_exists: false })
}

type CreateKind =
  | 'CompositeTypeStmt'
  | 'CreateDomainStmt'
  | 'CreateEnumStmt'
  | 'CreateForeignTableStmt'
  | 'CreateFunctionStmt'
  | 'CreatePolicyStmt'
  | 'CreateRangeStmt'
  | 'CreateSchemaStmt'
  | 'CreateSeqStmt'
  | 'CreateStatsStmt'
  | 'CreateStmt'
  | 'CreateTrigStmt'
  | 'DefineStmt'
  | 'IndexStmt'
  | 'RuleStmt'
  | 'ViewStmt'

/** Readers for what makes objects that live in a schema, and schemas. */
export const create_readers: Readers<CreateKind> = {
  CompositeTypeStmt: ({ typevar, coldeflist }, findings) => {
    const object = namedObject('OBJECT_TYPE', relationName(typevar ?? {}), creates_it)
    const columns = columnNames(coldeflist)
    createObject(findings, object, { relkind: 'c', columns, if_not_exists: false })
    return 'CREATE TYPE'
  },
  CreateDomainStmt: ({ domainname, constraints }, findings) => {
    createType(findings, 'OBJECT_DOMAIN', domainname)
    readReferences(findings, constraints, as_reference)
    return 'CREATE DOMAIN'
  },
  CreateEnumStmt: ({ typeName }, findings) => {
    createType(findings, 'OBJECT_TYPE', typeName)
    return 'CREATE TYPE'
  },
  CreateForeignTableStmt: ({ base, servername }, findings) => {
    readCreateTable(base ?? {}, findings, 'OBJECT_FOREIGN_TABLE')
    findings.add(namedObject('OBJECT_FOREIGN_SERVER', { name: servername ?? '' }, names_it))
    return 'CREATE FOREIGN TABLE'
  },
  CreateFunctionStmt: readFunction,
  CreatePolicyStmt: (statement, findings) => {
    const table = relationName(statement.table ?? {})
    const policy = objectOn('OBJECT_POLICY', statement.policy_name ?? '', table, creates_it)
    addWithRelation(findings, { ...policy, creates: true })
    readReferences(findings, [statement.qual, statement.with_check], as_reference)
    return 'CREATE POLICY'
  },
  CreateRangeStmt: ({ typeName }, findings) => {
    createType(findings, 'OBJECT_TYPE', typeName)
    return 'CREATE TYPE'
  },
  CreateSchemaStmt: readCreateSchema,
  CreateSeqStmt: readSequence,
  CreateStatsStmt: ({ defnames, relations, exprs }, findings) => {
    if (defnames !== undefined) {
      const name = qualifiedName(stringsOf(defnames))
      const object = namedObject('OBJECT_STATISTIC_EXT', name, creates_it)
      findings.add({ ...object, creates: true })
    }
    readNamedRelations(findings, bodiesOf(relations, 'RangeVar'), 'DDL')
    readReferences(findings, exprs, as_reference)
    return 'CREATE STATISTICS'
  },
  CreateStmt: (statement, findings) => {
    readCreateTable(statement, findings, 'OBJECT_TABLE')
    return 'CREATE TABLE'
  },
  CreateTrigStmt: readTrigger,
  DefineStmt: readDefine,
  IndexStmt: readIndex,
  RuleStmt: (statement, findings) => {
    const table = relationName(statement.relation ?? {})
    const rule = objectOn('OBJECT_RULE', statement.rulename ?? '', table, creates_it)
    addWithRelation(findings, { ...rule, creates: true })
    readReferences(findings, [statement.whereClause, statement.actions], as_reference)
    return 'CREATE RULE'
  },
  ViewStmt: readView,
}
