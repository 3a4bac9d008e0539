import type {
  CallStmt,
  DeclareCursorStmt,
  ExecuteStmt,
  PrepareStmt,
  TransactionStmt,
  VariableSetStmt,
} from '@pgsql/types'
import type { Effect, StatementFacts } from './facts.js'
import { type Findings, forgets_everything } from './findings.js'
import { namedObject } from './object-names.js'
import { readQueries } from './read-queries.js'
import type { Outcome, ReadContext, Readers } from './statement-reader.js'
import { bodiesOf, constantOf, qualifiedName, relationName, stringsOf } from './tree.js'

type SetKind = NonNullable<VariableSetStmt['kind']>

/** VAR_SET_CURRENT is only for functions; the MULTI forms set what belongs to a transaction. */
const set_kinds = {
  VAR_SET_VALUE: 'SET',
  VAR_SET_DEFAULT: 'SET',
  VAR_SET_CURRENT: 'SET',
  VAR_SET_MULTI: 'SET',
  VAR_RESET: 'RESET',
  VAR_RESET_ALL: 'RESET',
} as const satisfies Record<SetKind, string>

function readVariableSet(statement: VariableSetStmt, findings: Findings): string {
  const kind = statement.kind ?? 'VAR_SET_VALUE'
  const name = (statement.name ?? '').toLowerCase()
  const local = statement.is_local === true
  if (kind === 'VAR_RESET_ALL') findings.effect({ kind: 'reset_all' })
  else if (kind === 'VAR_SET_DEFAULT' || kind === 'VAR_RESET') {
    findings.effect({ kind: 'set', name, values: null, local })
  } else if (kind === 'VAR_SET_VALUE') {
    const values = (statement.args ?? []).map((argument) => constantOf(argument) ?? '')
    findings.effect({ kind: 'set', name, values, local })
  }
  return set_kinds[kind]
}

type Operation = Extract<Effect, { kind: 'transaction' }>['operation']
type TransactionKind = NonNullable<TransactionStmt['kind']>

/** Each form of transaction control: what it does, and its tags with the expected one first. */
const transactions = {
  TRANS_STMT_BEGIN: { operation: 'begin', tags: ['BEGIN'] },
  TRANS_STMT_START: { operation: 'begin', tags: ['START TRANSACTION'] },
  // The end of a failed transaction is answered ROLLBACK, whatever was asked.
  TRANS_STMT_COMMIT: { operation: 'commit', tags: ['COMMIT', 'ROLLBACK'] },
  TRANS_STMT_ROLLBACK: { operation: 'rollback', tags: ['ROLLBACK'] },
  TRANS_STMT_SAVEPOINT: { operation: 'savepoint', tags: ['SAVEPOINT'] },
  TRANS_STMT_RELEASE: { operation: 'release', tags: ['RELEASE'] },
  TRANS_STMT_ROLLBACK_TO: { operation: 'rollback_to', tags: ['ROLLBACK'] },
  TRANS_STMT_PREPARE: {
    operation: 'prepare_transaction',
    tags: ['PREPARE TRANSACTION', 'ROLLBACK'],
  },
  TRANS_STMT_COMMIT_PREPARED: { operation: 'commit_prepared', tags: ['COMMIT PREPARED'] },
  TRANS_STMT_ROLLBACK_PREPARED: { operation: 'rollback_prepared', tags: ['ROLLBACK PREPARED'] },
} as const satisfies Record<
  TransactionKind,
  { readonly operation: Operation; readonly tags: readonly [string, ...string[]] }
>

function readTransaction(statement: TransactionStmt, findings: Findings): Outcome {
  const { operation, tags } = transactions[statement.kind ?? 'TRANS_STMT_BEGIN']
  const name = statement.savepoint_name ?? statement.gid
  findings.effect({
    kind: 'transaction',
    operation,
    ...(name === undefined ? {} : { name }),
    ...(statement.chain === true ? { chain: true } : {}),
  })
  return { command: tags[0], tags }
}

const discards = {
  DISCARD_ALL: 'all',
  DISCARD_PLANS: 'plans',
  DISCARD_SEQUENCES: 'sequences',
  DISCARD_TEMP: 'temp',
} as const

function readPrepare(statement: PrepareStmt, findings: Findings, context: ReadContext): Outcome {
  const inner = context.inner(statement.query)
  // Nothing runs yet: the objects keep their classes, so that rules see what is being prepared.
  for (const object of inner.objects) findings.add({ ...object, access: ['reference'] })
  const name = statement.name ?? ''
  findings.effect({ kind: 'prepare', name, text: context.text, statement: inner })
  return { command: 'PREPARE', class: inner.class }
}

function readExecute(statement: ExecuteStmt, findings: Findings): Outcome {
  const parameters = (statement.params ?? []).map(constantOf)
  findings.effect({ kind: 'execute', name: statement.name ?? '', parameters })
  readQueries(findings, statement.params)
  // The server answers with the tag of what was prepared.
  return { command: 'EXECUTE', tags: ['*'] }
}

/** What the code in a cursor's query may change happens at some FETCH: it is in doubt from now. */
function doubtCursor(findings: Findings, inner: StatementFacts): void {
  for (const effect of inner.effects) {
    if (effect.kind === 'opaque') findings.opaque(effect.forgets)
    else if (effect.kind === 'set') findings.opaque(['settings', 'role'])
  }
}

function readDeclare(
  statement: DeclareCursorStmt,
  findings: Findings,
  context: ReadContext,
): Outcome {
  const inner = context.inner(statement.query)
  for (const object of inner.objects) findings.add(object)
  doubtCursor(findings, inner)
  const name = statement.portalname ?? ''
  // CURSOR_OPT_HOLD in parsenodes.h.
  const hold = ((statement.options ?? 0) & 0x20) !== 0
  findings.effect({ kind: 'declare_cursor', name, hold, statement: inner })
  return { command: 'DECLARE CURSOR', class: inner.class }
}

function readCall(statement: CallStmt, findings: Findings): string {
  const call = statement.funccall ?? {}
  findings.add({
    lookup: 'function',
    ...qualifiedName(stringsOf(call.funcname)),
    type: 'PROCEDURE',
    class: 'FUNCTION',
    access: ['execute'],
  })
  findings.opaque(forgets_everything)
  readQueries(findings, call.args)
  return 'CALL'
}

type SessionKind =
  | 'CallStmt'
  | 'CheckPointStmt'
  | 'ClosePortalStmt'
  | 'ConstraintsSetStmt'
  | 'DeallocateStmt'
  | 'DeclareCursorStmt'
  | 'DiscardStmt'
  | 'DoStmt'
  | 'ExecuteStmt'
  | 'FetchStmt'
  | 'ListenStmt'
  | 'LoadStmt'
  | 'LockStmt'
  | 'NotifyStmt'
  | 'PrepareStmt'
  | 'TransactionStmt'
  | 'UnlistenStmt'
  | 'VariableSetStmt'
  | 'VariableShowStmt'

/** Readers for what acts on the session: settings, transactions, cursors, prepared statements. */
export const session_readers: Readers<SessionKind> = {
  CallStmt: readCall,
  CheckPointStmt: () => 'CHECKPOINT',
  ClosePortalStmt: ({ portalname }, findings) => {
    findings.effect({ kind: 'close_cursor', name: portalname ?? null })
    return portalname === undefined ? 'CLOSE CURSOR ALL' : 'CLOSE CURSOR'
  },
  ConstraintsSetStmt: () => 'SET CONSTRAINTS',
  DeallocateStmt: ({ name }, findings) => {
    findings.effect({ kind: 'deallocate', name: name ?? null })
    return name === undefined ? 'DEALLOCATE ALL' : 'DEALLOCATE'
  },
  DeclareCursorStmt: readDeclare,
  DiscardStmt: ({ target }, findings) => {
    const what = discards[target ?? 'DISCARD_ALL']
    findings.effect({ kind: 'discard', what })
    return `DISCARD ${what.toUpperCase()}`
  },
  DoStmt: (_statement, findings) => {
    findings.opaque(forgets_everything)
    return 'DO'
  },
  ExecuteStmt: readExecute,
  FetchStmt: ({ portalname, ismove }, findings) => {
    findings.effect({ kind: 'fetch', name: portalname ?? '' })
    return ismove === true ? 'MOVE' : 'FETCH'
  },
  ListenStmt: () => 'LISTEN',
  LoadStmt: () => 'LOAD',
  LockStmt: ({ relations }, findings) => {
    for (const relation of bodiesOf(relations, 'RangeVar')) {
      const use = { class: 'MISC', access: 'reference' } as const
      findings.add(namedObject('OBJECT_TABLE', relationName(relation), use))
    }
    return 'LOCK TABLE'
  },
  NotifyStmt: () => 'NOTIFY',
  PrepareStmt: readPrepare,
  TransactionStmt: readTransaction,
  UnlistenStmt: () => 'UNLISTEN',
  VariableSetStmt: readVariableSet,
  VariableShowStmt: () => 'SHOW',
}
