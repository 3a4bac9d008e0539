import type { FuncCall, Node, ParseResult, RangeVar, TypeName } from '@pgsql/types'
import type { Sharing, StatementFacts } from './facts.js'
import { notable_catalog_functions } from './function-calls.js'
import { mayHoldSecret } from './secret-names.js'
import { bodyOf, kindOf, stringsOf } from './tree.js'

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/))
}

/** Statements in which a literal is a value, and no name, option or setting. */
const statement_kinds = words(
  'SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt TransactionStmt',
)

const plain_transactions = words(`
  TRANS_STMT_BEGIN TRANS_STMT_START TRANS_STMT_COMMIT TRANS_STMT_ROLLBACK TRANS_STMT_SAVEPOINT
  TRANS_STMT_RELEASE TRANS_STMT_ROLLBACK_TO`)

/** Nodes below them in which it is one, too; all others, and those to come, are in doubt. */
const node_kinds = words(`
  SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt
  A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star BoolExpr BooleanTest CaseExpr CaseWhen
  CoalesceExpr CollateClause ColumnRef CommonTableExpr FuncCall GroupingFunc GroupingSet IndexElem
  Integer JoinExpr List LockingClause MergeWhenClause MinMaxExpr MultiAssignRef NullTest
  RangeFunction RangeSubselect RangeVar ResTarget RowExpr SetToDefault SortBy SQLValueFunction
  String SubLink TypeCast WindowDef`)

/** Fields that hold a node's contents, or a list of nodes: all others are in doubt as well. */
const fields = words(`
  agg_filter agg_order alias aliascolnames arg args arrayBounds boolval cols collname colnames
  condition content coldeflist ctequery ctes defresult distinctClause elements exprs expr fields
  fromClause fval funcname functions groupClause havingClause indexElems indirection infer items
  ival joinCondition larg lexpr lidx limitCount limitOffset lockedRels lockingClause
  mergeWhenClauses name names node onConflictClause over partitionClause orderClause quals rarg
  relation result returningClause rexpr selectStmt sortClause source sourceRelation startOffset
  endOffset subquery subselect sval targetList testexpr typeName typmods uidx usingClause val
  valuesLists values whereClause windowClause withClause`)

/**
 * Functions whose arguments are values and nothing else. What is missing here costs a parse: names
 * of objects, settings, roles, files and SQL are arguments of many others.
 */
const plain_functions = words(`
  abs age array_agg array_append array_cat array_length array_position array_remove array_to_json
  array_to_string avg bit_and bit_or bool_and bool_or btrim cardinality ceil ceiling char_length
  character_length chr clock_timestamp concat concat_ws count cume_dist date_bin date_part
  date_trunc dense_rank div every exp extract first_value floor format generate_series initcap
  isfinite json_agg json_array_length json_build_array json_build_object json_object_agg jsonb_agg
  jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
  jsonb_build_object jsonb_each jsonb_each_text jsonb_object_agg jsonb_set jsonb_strip_nulls
  jsonb_typeof justify_days justify_hours lag last_value lead left length like_escape ln log lower
  lpad ltrim make_date make_interval make_timestamp make_timestamptz max md5 min mod now ntile
  nth_value nullif num_nonnulls num_nulls octet_length overlaps overlay percent_rank
  percentile_cont percentile_disc pg_typeof position power radians random rank regexp_match
  regexp_matches regexp_replace regexp_split_to_array repeat replace reverse right round row_number
  row_to_json rpad rtrim sign similar_to_escape split_part sqrt starts_with statement_timestamp
  stddev string_agg string_to_array strpos substr substring sum timezone to_char to_date to_json
  to_jsonb to_number to_timestamp transaction_timestamp translate trunc unnest upper variance
  version width_bucket`)

/**
 * Types a literal of which is a value. `regclass` and its like are names; FLOAT(54) is an error of
 * the grammar, where 53 is none, and nothing in the tree tells it from DOUBLE PRECISION.
 */
const plain_types = words(`
  bool bpchar bytea date inet int2 int4 int8 interval json jsonb numeric text time timestamp
  timestamptz timetz uuid varchar`)
const unqualified_types = words('float4 float8')

function isPlainFunction({ funcname }: FuncCall): boolean {
  const parts = stringsOf(funcname)
  const name = parts.at(-1) ?? ''
  if (parts.length > 2 || (parts.length === 2 && parts[0] !== 'pg_catalog')) return false
  return plain_functions.has(name) && !notable_catalog_functions.has(name)
}

function isPlainType({ names }: TypeName): boolean {
  const parts = stringsOf(names)
  const name = parts.at(-1) ?? ''
  if (parts.length === 1) return plain_types.has(name) || unqualified_types.has(name)
  return parts.length === 2 && parts[0] === 'pg_catalog' && plain_types.has(name)
}

/** A number that stands for a column of the select list. */
function isPosition(node: unknown): boolean {
  return typeof node === 'object' && node !== null && 'A_Const' in node
}

/** Why the contents of a node of this kind make facts of literals; undefined when they do not. */
function doubtOf(kind: string, body: object): string | undefined {
  switch (kind) {
    case 'FuncCall':
      return isPlainFunction(body as FuncCall)
        ? undefined
        : `it calls ${stringsOf((body as FuncCall).funcname).join('.')}`
    case 'SortBy':
      return 'node' in body && isPosition(body.node) ? 'it sorts by a position' : undefined
    case 'SelectStmt':
      for (const list of ['groupClause', 'distinctClause']) {
        const keys: unknown = (body as Readonly<Record<string, unknown>>)[list]
        if (Array.isArray(keys) && keys.some(isPosition)) return 'it groups by a position'
      }
      return undefined
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt': {
      const name = (body as { readonly relation?: RangeVar }).relation?.relname ?? ''
      return name.startsWith('pg_') ? 'it changes a system catalog' : undefined
    }
    default:
      return undefined
  }
}

/** Looks through a tree without recursion, since trees may be deep. */
function doubtIn(statement: Node): string | undefined {
  const pending: unknown[] = [statement]
  while (pending.length > 0) {
    const item = pending.pop()
    if (typeof item !== 'object' || item === null) continue
    if (Array.isArray(item)) {
      for (const child of item) pending.push(child)
      continue
    }
    for (const [key, child] of Object.entries(item)) {
      if (typeof child !== 'object' || child === null) continue
      const first = key.charCodeAt(0)
      const is_node = first >= 65 && first <= 90
      if (!(is_node ? node_kinds : fields).has(key)) return `it has a ${key}`
      const body = child as object
      const kind = key === 'larg' || key === 'rarg' ? 'SelectStmt' : key
      const doubt =
        key === 'typeName' && !isPlainType(body)
          ? `it has a value of the type ${stringsOf((body as TypeName).names).join('.')}`
          : doubtOf(kind, body)
      if (doubt !== undefined) return doubt
      pending.push(body)
    }
  }
  return undefined
}

/** What is in doubt about one statement. */
function doubtAbout(node: Node | undefined): string | undefined {
  const kind = kindOf(node)
  if (node === undefined || !statement_kinds.has(kind)) return `it is a ${kind}`
  if (kind !== 'TransactionStmt') return doubtIn(node)
  // The identifier of a prepared transaction is a literal, and its name.
  const operation = bodyOf(node, 'TransactionStmt')?.kind ?? ''
  return plain_transactions.has(operation) ? undefined : 'it may name a prepared transaction'
}

/**
 * Says whether a text shares its facts with all texts that have its shape. Only where the tree
 * holds nothing but what is known to take literals as values, and no word in it speaks of a secret.
 *
 * @param text A text that has a shape.
 * @param parse What the parser made of it.
 * @param statements What the analysis made of that.
 */
export function sharingOf(
  text: string,
  parse: ParseResult,
  statements: readonly StatementFacts[],
): Sharing {
  if (mayHoldSecret(text)) return 'own: it may hold a secret'
  for (const { stmt } of parse.stmts ?? []) {
    const doubt = doubtAbout(stmt)
    if (doubt !== undefined) return `own: ${doubt}`
  }
  for (const statement of statements) {
    const redacted = statement.text !== text.slice(statement.start, statement.end)
    if (redacted || statement.secret_parameters) return 'own: it holds a secret'
  }
  return 'shared'
}
