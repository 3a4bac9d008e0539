import type { Node, VariableSetStmt } from '@pgsql/types'
import { findSecrets } from './find-secrets.js'
import {
  callKind,
  hashesSecret,
  isConninfoSetting,
  isSecretSetting,
  mayHoldSecret,
  redacted,
  secret_catalogs,
} from './secret-names.js'
import {
  connection_policy,
  function_policy,
  option_policy,
  type Policy,
  query_policy,
  secret_policy,
  utility_policy,
} from './secret-policy.js'
import type { Span } from './spans.js'
import { SqlTokens } from './sql-tokens.js'
import { bodiesOf, bodyOf, stringsOf } from './tree.js'

export { redactUnparsedText } from './redact-unparsed.js'

/** What is secret in a statement. */
export interface StatementSecrets {
  /** Where, in its own text; none when there is nothing to hide. */
  readonly spans: readonly Span[]
  /** True when the parameters of the statement may carry a secret. */
  readonly secret_parameters: boolean
}

/**
 * What counts as a secret in each kind of statement. Kinds that are not named are utility
 * statements: literals are looked into, since they may hold SQL or a connection string.
 */
const policies: Readonly<Record<string, Policy>> = {
  SelectStmt: query_policy,
  InsertStmt: query_policy,
  UpdateStmt: query_policy,
  DeleteStmt: query_policy,
  MergeStmt: query_policy,
  PrepareStmt: query_policy,
  ExplainStmt: query_policy,
  DeclareCursorStmt: query_policy,
  CreateTableAsStmt: query_policy,
  ViewStmt: query_policy,
  RuleStmt: query_policy,
  CreateRoleStmt: secret_policy,
  AlterRoleStmt: secret_policy,
  CreateUserMappingStmt: option_policy,
  AlterUserMappingStmt: option_policy,
  CreateForeignServerStmt: option_policy,
  AlterForeignServerStmt: option_policy,
  CreateFdwStmt: option_policy,
  AlterFdwStmt: option_policy,
  CreateSubscriptionStmt: connection_policy,
  AlterSubscriptionStmt: connection_policy,
  CreateFunctionStmt: function_policy,
  DoStmt: function_policy,
  // Options without the word, as those of a text search dictionary.
  DefineStmt: secret_policy,
  AlterTSDictionaryStmt: secret_policy,
}

/**
 * Finds the secrets in one statement that the grammar accepts. `node` is the kind of `statement`;
 * the text is that of this statement alone.
 */
export function secretsOfStatement(
  statement_text: string,
  node: string,
  statement: Node,
): StatementSecrets {
  const executes = explainsExecute(statement)
  if (!executes && !mayHoldSecret(statement_text)) {
    return { spans: [], secret_parameters: false }
  }
  const settings = settingsOf(statement)
  const secret_setting = settings.some((setting) => isSecretSetting(setting.name ?? ''))
  if (secret_setting && node !== 'CreateFunctionStmt' && node !== 'AlterFunctionStmt') {
    return { spans: [settingValue(statement_text)], secret_parameters: true }
  }
  const { calls, writes_secrets } = secretUses(statement, statement_text)
  const policy: Policy = {
    ...policyFor(node, settings, secret_setting),
    calls: (name) => (calls.has(name.toLowerCase()) ? (callKind(name) ?? 'secret') : undefined),
    ...(executes || writes_secrets ? { whole: () => true } : {}),
  }
  const found = findSecrets(statement_text, policy)
  return {
    spans: found.spans,
    secret_parameters: found.secret_parameters || writes_secrets,
  }
}

/**
 * True for EXPLAIN EXECUTE: its arguments are secret where those of the PREPARE are, which the text
 * does not tell. With ANALYZE, harmless ones are in the record's parameters.
 */
function explainsExecute(statement: Node): boolean {
  const query = bodyOf(statement, 'ExplainStmt')?.query
  const inner = bodyOf(query, 'CreateTableAsStmt')?.query ?? query
  return bodyOf(inner, 'ExecuteStmt') !== undefined
}

function policyFor(node: string, settings: readonly VariableSetStmt[], secret: boolean): Policy {
  const policy = policies[node] ?? utility_policy
  // ALTER FUNCTION … SET x.password TO value: here the value may stand without quotes.
  if (secret) return { ...policy, only_options: false, bare: true, to_assigns: true }
  if (settings.some((setting) => isConninfoSetting(setting.name ?? ''))) {
    return { ...policy, inside: () => 'connection' }
  }
  return policy
}

/** The settings that a statement gives a value, as statement or as a clause of it. */
function settingsOf(statement: Node): readonly VariableSetStmt[] {
  const direct =
    bodyOf(statement, 'VariableSetStmt') ??
    bodyOf(statement, 'AlterSystemStmt')?.setstmt ??
    bodyOf(statement, 'AlterRoleSetStmt')?.setstmt ??
    bodyOf(statement, 'AlterDatabaseSetStmt')?.setstmt
  if (direct !== undefined) return direct.kind === 'VAR_SET_VALUE' ? [direct] : []
  const clauses =
    bodyOf(statement, 'CreateFunctionStmt')?.options ??
    bodyOf(statement, 'AlterFunctionStmt')?.actions
  const found: VariableSetStmt[] = []
  for (const clause of bodiesOf(clauses, 'DefElem')) {
    const setting = bodyOf(clause.arg, 'VariableSetStmt')
    if (setting?.kind === 'VAR_SET_VALUE') found.push(setting)
  }
  return found
}

/** What a statement does that makes secrets of its literals. */
interface SecretUses {
  /** Names of special functions that it calls, in lower case. */
  readonly calls: ReadonlySet<string>
  /** True when it changes a catalog that holds passwords, as a superuser may, or a setting. */
  readonly writes_secrets: boolean
}

/**
 * Looks through the tree for what the tokens alone cannot tell, such as a call from
 * `passwords (a, b)` in CREATE TABLE. Not recursive: trees may be deep.
 */
function secretUses(statement: Node, text: string): SecretUses {
  const names = new Set<string>()
  let writes_secrets = false
  const add = (name: string | undefined): void => {
    if (name === undefined) return
    if (callKind(name) !== undefined || hashesSecret(name, text)) names.add(name.toLowerCase())
  }
  const pending: unknown[] = [statement]
  while (pending.length > 0) {
    const item = pending.pop()
    if (typeof item !== 'object' || item === null) continue
    if (!Array.isArray(item)) {
      add(stringsOf(bodyOf(item as Node, 'FuncCall')?.funcname).at(-1))
      // CALL and EXECUTE hold what they run without a node around it.
      add(stringsOf(bodyOf(item as Node, 'CallStmt')?.funccall?.funcname).at(-1))
      add(bodyOf(item as Node, 'ExecuteStmt')?.name)
      add(stringsOf(bodyOf(item as Node, 'CreateTrigStmt')?.funcname).at(-1))
      writes_secrets ||= writesSecrets(item as Node)
    }
    for (const child of Object.values(item)) pending.push(child)
  }
  return { calls: names, writes_secrets }
}

/** True for a node that inserts into or updates a catalog that holds passwords. */
function writesSecrets(node: Node): boolean {
  const write =
    bodyOf(node, 'UpdateStmt') ?? bodyOf(node, 'InsertStmt') ?? bodyOf(node, 'MergeStmt')
  const name = write?.relation?.relname ?? ''
  return secret_catalogs.has(name)
}

/** Everything behind the `=` or TO of a statement that gives one setting a value. */
function settingValue(text: string): Span {
  const tokens = new SqlTokens(text, false)
  while (tokens.next()) {
    const written = text.slice(tokens.start, tokens.end).toLowerCase()
    const assigns = (tokens.kind === 'word' && written === 'to') || written === '='
    if (assigns) return { start: tokens.end, end: text.length, text: ` '${redacted}'` }
  }
  return { start: 0, end: text.length, text: redacted }
}
