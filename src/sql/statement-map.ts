import type { StatementClass } from './facts.js'
import type { StatementKind } from './tree.js'

/** One row of the map from statement kinds to classes. */
export interface MapRow {
  /** The class of the statement itself; what it contains can only make it stronger. */
  readonly class: StatementClass
  /** Why, in one sentence, for `pgwitness explain`. */
  readonly reason: string
}

const definition: MapRow = { class: 'DDL', reason: 'It defines a database object.' }
const alteration: MapRow = { class: 'DDL', reason: 'It alters a database object.' }
const removal: MapRow = { class: 'DDL', reason: 'It removes database objects.' }
const role: MapRow = { class: 'ROLE', reason: 'It changes roles or what they may do.' }
const mapping: MapRow = { class: 'ROLE', reason: 'It changes how a role logs in elsewhere.' }
const setting: MapRow = { class: 'MISC', reason: 'It sets or resets settings of the session.' }
const cursor: MapRow = { class: 'MISC', reason: 'It moves in or closes a cursor.' }
const notice: MapRow = { class: 'MISC', reason: 'It sends or awaits notifications.' }
const upkeep: MapRow = { class: 'MISC', reason: 'It maintains tables without changing rows.' }
const change: MapRow = { class: 'WRITE', reason: 'It changes rows.' }
const prepared: MapRow = { class: 'MISC', reason: 'What was prepared gives the class.' }

/**
 * The map: every kind of statement in the grammar of PostgreSQL 18 and the class it has by itself.
 * It follows pgaudit, save that MERGE is WRITE, EXPLAIN and COPY take the class of what they run
 * and are otherwise what they do themselves, and CALL is FUNCTION. A kind that a later grammar
 * adds does not compile until it has a row here.
 *
 * The class of a record is the strongest of this one and those of the statement's objects, in the
 * order of `statement_class_strength`. Taken literally, a SELECT that calls a user's function is
 * FUNCTION; rules for READ still match it through the objects that it reads.
 */
export const statement_map = {
  AlterCollationStmt: alteration,
  AlterDatabaseRefreshCollStmt: alteration,
  AlterDatabaseSetStmt: alteration,
  AlterDatabaseStmt: alteration,
  AlterDefaultPrivilegesStmt: role,
  AlterDomainStmt: alteration,
  AlterEnumStmt: alteration,
  AlterEventTrigStmt: alteration,
  AlterExtensionContentsStmt: alteration,
  AlterExtensionStmt: alteration,
  AlterFdwStmt: alteration,
  AlterForeignServerStmt: alteration,
  AlterFunctionStmt: alteration,
  AlterObjectDependsStmt: alteration,
  AlterObjectSchemaStmt: alteration,
  AlterOpFamilyStmt: alteration,
  AlterOperatorStmt: alteration,
  AlterOwnerStmt: alteration,
  AlterPolicyStmt: alteration,
  AlterPublicationStmt: alteration,
  AlterRoleSetStmt: role,
  AlterRoleStmt: role,
  AlterSeqStmt: alteration,
  AlterStatsStmt: alteration,
  AlterSubscriptionStmt: alteration,
  AlterSystemStmt: { class: 'DDL', reason: 'It changes the configuration of the server.' },
  AlterTSConfigurationStmt: alteration,
  AlterTSDictionaryStmt: alteration,
  AlterTableMoveAllStmt: alteration,
  AlterTableSpaceOptionsStmt: alteration,
  AlterTableStmt: alteration,
  AlterTypeStmt: alteration,
  AlterUserMappingStmt: mapping,
  CallStmt: { class: 'FUNCTION', reason: 'It runs a procedure, whose statements are not seen.' },
  CheckPointStmt: { class: 'MISC', reason: 'It only makes the server write what it has.' },
  ClosePortalStmt: cursor,
  ClusterStmt: { class: 'DDL', reason: 'It rewrites tables in the order of an index.' },
  CommentStmt: { class: 'DDL', reason: 'It changes the comment on a database object.' },
  CompositeTypeStmt: definition,
  ConstraintsSetStmt: setting,
  CopyStmt: { class: 'READ', reason: 'COPY FROM writes rows, COPY TO reads or does its query.' },
  CreateAmStmt: definition,
  CreateCastStmt: definition,
  CreateConversionStmt: definition,
  CreateDomainStmt: definition,
  CreateEnumStmt: definition,
  CreateEventTrigStmt: definition,
  CreateExtensionStmt: definition,
  CreateFdwStmt: definition,
  CreateForeignServerStmt: definition,
  CreateForeignTableStmt: definition,
  CreateFunctionStmt: definition,
  CreateOpClassStmt: definition,
  CreateOpFamilyStmt: definition,
  CreatePLangStmt: definition,
  CreatePolicyStmt: definition,
  CreatePublicationStmt: definition,
  CreateRangeStmt: definition,
  CreateRoleStmt: role,
  CreateSchemaStmt: definition,
  CreateSeqStmt: definition,
  CreateStatsStmt: definition,
  CreateStmt: definition,
  CreateSubscriptionStmt: definition,
  CreateTableAsStmt: { class: 'DDL', reason: 'It makes a table from what a query reads.' },
  CreateTableSpaceStmt: definition,
  CreateTransformStmt: definition,
  CreateTrigStmt: definition,
  CreateUserMappingStmt: mapping,
  CreatedbStmt: definition,
  DeallocateStmt: { class: 'MISC', reason: 'It forgets prepared statements.' },
  DeclareCursorStmt: { class: 'READ', reason: 'It opens a cursor that reads what its query does.' },
  DefineStmt: definition,
  DeleteStmt: change,
  DiscardStmt: { class: 'MISC', reason: 'It discards state of the session.' },
  DoStmt: { class: 'FUNCTION', reason: 'It runs a block of code, whose statements are not seen.' },
  DropOwnedStmt: removal,
  DropRoleStmt: role,
  DropStmt: removal,
  DropSubscriptionStmt: removal,
  DropTableSpaceStmt: removal,
  DropUserMappingStmt: removal,
  DropdbStmt: removal,
  ExecuteStmt: prepared,
  ExplainStmt: { class: 'MISC', reason: 'Only with ANALYZE does it run what it explains.' },
  FetchStmt: cursor,
  GrantRoleStmt: role,
  GrantStmt: role,
  ImportForeignSchemaStmt: definition,
  IndexStmt: definition,
  InsertStmt: change,
  ListenStmt: notice,
  LoadStmt: { class: 'MISC', reason: 'It loads a library into the server process.' },
  LockStmt: { class: 'MISC', reason: 'It locks tables without reading them.' },
  MergeStmt: change,
  NotifyStmt: notice,
  PrepareStmt: prepared,
  ReassignOwnedStmt: alteration,
  RefreshMatViewStmt: { class: 'DDL', reason: 'It fills a materialized view anew.' },
  ReindexStmt: upkeep,
  RenameStmt: alteration,
  RuleStmt: definition,
  SecLabelStmt: { class: 'DDL', reason: 'It changes the security label of a database object.' },
  SelectStmt: { class: 'READ', reason: 'It reads.' },
  TransactionStmt: { class: 'MISC', reason: 'It controls the transaction.' },
  TruncateStmt: { class: 'WRITE', reason: 'It removes all rows.' },
  UnlistenStmt: notice,
  UpdateStmt: change,
  VacuumStmt: upkeep,
  VariableSetStmt: setting,
  VariableShowStmt: { class: 'MISC', reason: 'It shows settings.' },
  ViewStmt: definition,
} as const satisfies Record<StatementKind, MapRow>
