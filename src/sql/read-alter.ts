import type {
  AlterObjectDependsStmt,
  AlterObjectSchemaStmt,
  AlterTableStmt,
  ClusterStmt,
  CommentStmt,
  Node,
  ReindexStmt,
  RenameStmt,
  RoleSpec,
  SecLabelStmt,
  VacuumStmt,
} from '@pgsql/types'
import { addWithRelation, alters_it, names_it } from './definitions.js'
import type { ObjectReference } from './facts.js'
import type { Findings } from './findings.js'
import { namedObject, objectOf, objectOn, objectUsing, type Use } from './object-names.js'
import { objectKind } from './object-types.js'
import { readReferences } from './read-queries.js'
import type { Outcome, Readers } from './statement-reader.js'
import { bodiesOf, ownerName, qualifiedName, relationName, stringsOf } from './tree.js'

/** Rights change with the owner as well, which only a new snapshot shows. */
function changeOwner(
  findings: Findings,
  object: ObjectReference | undefined,
  role: RoleSpec | undefined,
): void {
  const owner = ownerName(role)
  if (object !== undefined && owner !== undefined && isTracked(object)) {
    findings.catalog({ change: 'own', object, owner })
  }
  findings.refresh('rights')
}

function readAlterTable(statement: AlterTableStmt, findings: Findings): string {
  const type = statement.objtype === 'OBJECT_TYPE' ? 'OBJECT_ATTRIBUTE' : statement.objtype
  const object = namedObject(type, relationName(statement.relation ?? {}), alters_it)
  findings.add(object)
  const commands = bodiesOf(statement.cmds, 'AlterTableCmd')
  for (const { subtype, def, newowner } of commands) {
    if (subtype === 'AT_ChangeOwner') changeOwner(findings, object, newowner)
    // A new column's default, a type conversion and a new constraint are evaluated for the rows.
    const runs = subtype !== 'AT_ColumnDefault'
    readReferences(findings, def, { class: 'DDL', runs })
  }
  // Columns, owners, partitions: only a new snapshot shows what has become of the table.
  const cascades = commands.some(({ behavior }) => behavior === 'DROP_CASCADE')
  findings.refresh(...(cascades ? (['objects'] as const) : []))
  return `ALTER ${objectKind(statement.objtype).tag}`
}

/** What RENAME renames, with the columns or sub-objects that it names by `subname`. */
function renamedObject(statement: RenameStmt, use: Use): ObjectReference | undefined {
  const { renameType, relation, subname } = statement
  const name = relationName(relation ?? {})
  const columns = subname === undefined ? {} : { columns: [subname] }
  switch (renameType) {
    case 'OBJECT_COLUMN':
      return { ...namedObject(statement.relationType, name, use), ...columns }
    case 'OBJECT_ATTRIBUTE':
      return { ...namedObject(renameType, name, use), ...columns }
    case 'OBJECT_TABCONSTRAINT':
    case 'OBJECT_TRIGGER':
    case 'OBJECT_RULE':
    case 'OBJECT_POLICY':
      return objectOn(renameType, subname ?? '', name, use)
    case 'OBJECT_SCHEMA':
    case 'OBJECT_DATABASE':
    case 'OBJECT_ROLE':
    case 'OBJECT_TABLESPACE':
      return namedObject(renameType, { name: subname ?? '' }, use)
    default:
      return relation === undefined
        ? objectOf(renameType, statement.object, use)
        : namedObject(renameType, name, use)
  }
}

function readRename(statement: RenameStmt, findings: Findings): Outcome {
  const { renameType, newname } = statement
  const role = renameType === 'OBJECT_ROLE'
  const use: Use = { class: role ? 'ROLE' : 'DDL', access: 'alter' }
  const object = renamedObject(statement, use)
  addWithRelation(findings, object)
  const new_name = newname ?? ''
  const whole = object !== undefined && object.columns === undefined
  const constraint = renameType === 'OBJECT_DOMCONSTRAINT'
  if (renameType === 'OBJECT_SCHEMA') {
    findings.catalog({ change: 'rename_schema', name: statement.subname ?? '', new_name })
  } else if (whole && !constraint && isTracked(object)) {
    findings.catalog({ change: 'rename', object, new_name })
  } else if (role) findings.refresh('rights', 'roles', 'objects')
  else findings.refresh()
  const renamed = renameType === 'OBJECT_COLUMN' ? statement.relationType : renameType
  const command = `ALTER ${objectKind(renamed).tag}`
  return { command, class: role ? 'ROLE' : 'DDL' }
}

/** True for what the catalog follows from statement to statement. */
export function isTracked(object: ObjectReference): boolean {
  return (
    object.on === undefined &&
    (object.lookup === 'relation' || object.lookup === 'function' || object.lookup === 'type')
  )
}

function readSetSchema(statement: AlterObjectSchemaStmt, findings: Findings): string {
  const { objectType, relation, object, newschema } = statement
  const moved =
    relation === undefined
      ? objectOf(objectType, object, alters_it)
      : namedObject(objectType, relationName(relation), alters_it)
  const new_schema = newschema ?? ''
  if (moved !== undefined) {
    findings.add(moved)
    if (isTracked(moved)) findings.catalog({ change: 'move', object: moved, new_schema })
    else findings.refresh('objects')
  }
  findings.add(namedObject('OBJECT_SCHEMA', { name: new_schema }, names_it))
  return `ALTER ${objectKind(objectType).tag}`
}

function readDepends(statement: AlterObjectDependsStmt, findings: Findings): string {
  const { objectType, relation, object, extname } = statement
  const own = stringsOf(object === undefined ? [] : listItems(object))
  if (relation === undefined) addWithRelation(findings, objectOf(objectType, object, alters_it))
  else if (own.length === 0) {
    findings.add(namedObject(objectType, relationName(relation), alters_it))
  } else {
    const on = relationName(relation)
    addWithRelation(findings, objectOn(objectType, own.at(-1) ?? '', on, alters_it))
  }
  findings.add(namedObject('OBJECT_EXTENSION', { name: extname?.sval ?? '' }, names_it))
  return `ALTER ${objectKind(objectType).tag}`
}

function listItems(node: Node): readonly Node[] {
  return 'List' in node ? (node.List.items ?? []) : [node]
}

/** COMMENT and SECURITY LABEL change an object without changing what it does. */
function readRemark(statement: CommentStmt | SecLabelStmt, findings: Findings): void {
  addWithRelation(findings, objectOf(statement.objtype, statement.object, alters_it))
}

/** An object in a schema that is altered in place. */
function alterQualified(
  findings: Findings,
  type: Parameters<typeof namedObject>[0],
  name: readonly Node[] | undefined,
): void {
  findings.add(namedObject(type, qualifiedName(stringsOf(name)), alters_it))
}

/** Maintenance names relations without reading or changing their contents. */
const maintains_it: Use = { class: 'MISC', access: 'reference' }

function readVacuum(statement: VacuumStmt, findings: Findings): string {
  for (const { relation, va_cols } of bodiesOf(statement.rels, 'VacuumRelation')) {
    if (relation === undefined) continue
    const table = namedObject('OBJECT_TABLE', relationName(relation), maintains_it)
    findings.add(va_cols === undefined ? table : { ...table, columns: stringsOf(va_cols) })
  }
  return statement.is_vacuumcmd === true ? 'VACUUM' : 'ANALYZE'
}

const reindexed = {
  REINDEX_OBJECT_INDEX: 'OBJECT_INDEX',
  REINDEX_OBJECT_TABLE: 'OBJECT_TABLE',
  REINDEX_OBJECT_SCHEMA: 'OBJECT_SCHEMA',
  REINDEX_OBJECT_SYSTEM: 'OBJECT_DATABASE',
  REINDEX_OBJECT_DATABASE: 'OBJECT_DATABASE',
} as const satisfies Record<NonNullable<ReindexStmt['kind']>, string>

function readReindex(statement: ReindexStmt, findings: Findings): string {
  const { kind, relation, name } = statement
  const type = reindexed[kind ?? 'REINDEX_OBJECT_TABLE']
  if (relation !== undefined) findings.add(namedObject(type, relationName(relation), maintains_it))
  else if (name !== undefined) findings.add(namedObject(type, { name }, maintains_it))
  return 'REINDEX'
}

function readCluster(statement: ClusterStmt, findings: Findings): string {
  const { relation } = statement
  if (relation !== undefined) {
    findings.add(namedObject('OBJECT_TABLE', relationName(relation), alters_it))
  }
  return 'CLUSTER'
}

type AlterKind =
  | 'AlterCollationStmt'
  | 'AlterDatabaseRefreshCollStmt'
  | 'AlterDatabaseSetStmt'
  | 'AlterDatabaseStmt'
  | 'AlterDomainStmt'
  | 'AlterEnumStmt'
  | 'AlterExtensionContentsStmt'
  | 'AlterExtensionStmt'
  | 'AlterFunctionStmt'
  | 'AlterObjectDependsStmt'
  | 'AlterObjectSchemaStmt'
  | 'AlterOpFamilyStmt'
  | 'AlterOperatorStmt'
  | 'AlterOwnerStmt'
  | 'AlterPolicyStmt'
  | 'AlterSeqStmt'
  | 'AlterStatsStmt'
  | 'AlterSystemStmt'
  | 'AlterTSConfigurationStmt'
  | 'AlterTSDictionaryStmt'
  | 'AlterTableMoveAllStmt'
  | 'AlterTableStmt'
  | 'AlterTypeStmt'
  | 'ClusterStmt'
  | 'CommentStmt'
  | 'RefreshMatViewStmt'
  | 'ReindexStmt'
  | 'RenameStmt'
  | 'SecLabelStmt'
  | 'VacuumStmt'

/** Readers for what changes or maintains objects. */
export const alter_readers: Readers<AlterKind> = {
  AlterCollationStmt: ({ collname }, findings) => {
    alterQualified(findings, 'OBJECT_COLLATION', collname)
    return 'ALTER COLLATION'
  },
  AlterDatabaseRefreshCollStmt: ({ dbname }, findings) => {
    findings.add(namedObject('OBJECT_DATABASE', { name: dbname ?? '' }, alters_it))
    return 'ALTER DATABASE'
  },
  AlterDatabaseSetStmt: ({ dbname }, findings) => {
    findings.add(namedObject('OBJECT_DATABASE', { name: dbname ?? '' }, alters_it))
    findings.refresh('rights')
    return 'ALTER DATABASE'
  },
  AlterDatabaseStmt: ({ dbname }, findings) => {
    findings.add(namedObject('OBJECT_DATABASE', { name: dbname ?? '' }, alters_it))
    return 'ALTER DATABASE'
  },
  AlterDomainStmt: ({ typeName, def }, findings) => {
    alterQualified(findings, 'OBJECT_DOMAIN', typeName)
    readReferences(findings, def, { class: 'DDL', runs: true })
    return 'ALTER DOMAIN'
  },
  AlterEnumStmt: ({ typeName }, findings) => {
    alterQualified(findings, 'OBJECT_TYPE', typeName)
    return 'ALTER TYPE'
  },
  AlterExtensionContentsStmt: ({ extname, objtype, object }, findings) => {
    findings.add(namedObject('OBJECT_EXTENSION', { name: extname ?? '' }, alters_it))
    addWithRelation(findings, objectOf(objtype, object, alters_it))
    findings.refresh()
    return 'ALTER EXTENSION'
  },
  AlterExtensionStmt: ({ extname }, findings) => {
    findings.add(namedObject('OBJECT_EXTENSION', { name: extname ?? '' }, alters_it))
    findings.refresh('objects', 'names')
    return 'ALTER EXTENSION'
  },
  AlterFunctionStmt: ({ objtype, func }, findings) => {
    const object = objectOf(objtype, { ObjectWithArgs: func ?? {} }, alters_it)
    if (object !== undefined) findings.add(object)
    return `ALTER ${objectKind(objtype).tag}`
  },
  AlterObjectDependsStmt: readDepends,
  AlterObjectSchemaStmt: readSetSchema,
  AlterOpFamilyStmt: ({ opfamilyname, amname }, findings) => {
    const name = qualifiedName(stringsOf(opfamilyname))
    findings.add(objectUsing('OBJECT_OPFAMILY', amname, name, alters_it))
    return 'ALTER OPERATOR FAMILY'
  },
  AlterOperatorStmt: ({ opername }, findings) => {
    const object = objectOf('OBJECT_OPERATOR', { ObjectWithArgs: opername ?? {} }, alters_it)
    if (object !== undefined) findings.add(object)
    return 'ALTER OPERATOR'
  },
  AlterOwnerStmt: ({ objectType, object, newowner }, findings) => {
    const owned = objectOf(objectType, object, alters_it)
    addWithRelation(findings, owned)
    changeOwner(findings, owned, newowner)
    return `ALTER ${objectKind(objectType).tag}`
  },
  AlterPolicyStmt: (statement, findings) => {
    const table = relationName(statement.table ?? {})
    const name = statement.policy_name ?? ''
    addWithRelation(findings, objectOn('OBJECT_POLICY', name, table, alters_it))
    const conditions = [statement.qual, statement.with_check]
    readReferences(findings, conditions, { class: 'DDL', runs: false })
    return 'ALTER POLICY'
  },
  AlterSeqStmt: ({ sequence }, findings) => {
    findings.add(namedObject('OBJECT_SEQUENCE', relationName(sequence ?? {}), alters_it))
    return 'ALTER SEQUENCE'
  },
  AlterStatsStmt: ({ defnames }, findings) => {
    alterQualified(findings, 'OBJECT_STATISTIC_EXT', defnames)
    return 'ALTER STATISTICS'
  },
  AlterSystemStmt: ({ setstmt }, findings) => {
    const { name } = setstmt ?? {}
    if (name !== undefined) findings.add(namedObject('OBJECT_PARAMETER_ACL', { name }, alters_it))
    return 'ALTER SYSTEM'
  },
  AlterTSConfigurationStmt: ({ cfgname }, findings) => {
    alterQualified(findings, 'OBJECT_TSCONFIGURATION', cfgname)
    return 'ALTER TEXT SEARCH CONFIGURATION'
  },
  AlterTSDictionaryStmt: ({ dictname }, findings) => {
    alterQualified(findings, 'OBJECT_TSDICTIONARY', dictname)
    return 'ALTER TEXT SEARCH DICTIONARY'
  },
  AlterTableMoveAllStmt: (statement, findings) => {
    const name = statement.orig_tablespacename ?? ''
    const target = statement.new_tablespacename ?? ''
    findings.add(namedObject('OBJECT_TABLESPACE', { name }, alters_it))
    findings.add(namedObject('OBJECT_TABLESPACE', { name: target }, names_it))
    return `ALTER ${objectKind(statement.objtype).tag}`
  },
  AlterTableStmt: readAlterTable,
  AlterTypeStmt: ({ typeName }, findings) => {
    alterQualified(findings, 'OBJECT_TYPE', typeName)
    return 'ALTER TYPE'
  },
  ClusterStmt: readCluster,
  CommentStmt: (statement, findings) => {
    readRemark(statement, findings)
    return 'COMMENT'
  },
  RefreshMatViewStmt: ({ relation, skipData }, findings) => {
    const view = namedObject('OBJECT_MATVIEW', relationName(relation ?? {}), alters_it)
    findings.add(skipData === true ? view : { ...view, access: ['alter', 'insert'] })
    return 'REFRESH MATERIALIZED VIEW'
  },
  ReindexStmt: readReindex,
  RenameStmt: readRename,
  SecLabelStmt: (statement, findings) => {
    readRemark(statement, findings)
    return 'SECURITY LABEL'
  },
  VacuumStmt: readVacuum,
}
