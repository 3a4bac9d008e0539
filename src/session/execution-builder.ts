import { limits } from '../lib/limits.js'
import {
  type Effect,
  type StatementClass,
  type StatementFacts,
  statement_class_strength,
  type TextFacts,
} from '../sql/facts.js'
import { redactUnparsedText } from '../sql/redact-unparsed.js'
import { redacted } from '../sql/secret-names.js'
import { isCommit, leavesDoubt, mayHaveCommitted } from './commit-doubt.js'
import type { Execution, ExecutionOutcome, NamePlan } from './execution.js'
import type { BoundValues, Completion, QueryRequest, SentText } from './requests.js'
import type { SessionState } from './session-state.js'

/** SQLSTATE of query_canceled, which CopyFail has as well. */
const query_canceled = '57014'

/** How an execution ended, from the server's completion. */
export type Ending = Pick<
  Execution,
  | 'outcome'
  | 'tag'
  | 'sqlstate'
  | 'message'
  | 'data_rows'
  | 'bytes_in'
  | 'bytes_out'
  | 'copied_out'
  | 'end_us'
> & {
  /** True for an error that ended the session. */
  readonly fatal: boolean
}

/** What code that we do not see may do to its session. */
export const unseen_effects: readonly Effect[] = [
  { kind: 'opaque', forgets: ['settings', 'role', 'temporary', 'prepared'] },
]

/** An ending without any answer of its own, apart from an error. */
export function endingWithout(
  outcome: ExecutionOutcome,
  end_us: number,
  sqlstate = '',
  message = '',
  fatal = false,
): Ending {
  return {
    outcome,
    tag: '',
    sqlstate,
    message,
    data_rows: 0,
    bytes_in: -1,
    bytes_out: 0,
    copied_out: false,
    end_us,
    fatal,
  }
}

/** What a completion says. */
export function endingOf(completion: Completion): Ending {
  return {
    outcome: outcomeOf(completion),
    tag: completion.tag,
    sqlstate: completion.sqlstate,
    message: completion.message,
    data_rows: completion.data_rows,
    bytes_in: completion.bytes_in,
    bytes_out: completion.bytes_out,
    copied_out: completion.copied_out,
    end_us: completion.end_us,
    fatal: completion.fatal,
  }
}

/** How a statement of a Query ended that has no answer. */
export function queryEnding(event: QueryRequest): Ending {
  const failed = event.completions.at(-1)?.kind === 'error'
  if (event.fate === 'lost' && !failed) {
    return {
      ...endingWithout('unknown', event.end_us, event.sqlstate, event.message),
      data_rows: event.unfinished_rows,
      bytes_out: event.unfinished_bytes_out,
      bytes_in: event.unfinished_bytes_in,
    }
  }
  return endingWithout('skipped', event.end_us)
}

/** How a request failed: a cancel is told apart by its SQLSTATE. */
export function failureOf(sqlstate: string): 'cancelled' | 'failure' {
  return sqlstate === query_canceled ? 'cancelled' : 'failure'
}

function outcomeOf(completion: Completion): ExecutionOutcome {
  switch (completion.kind) {
    case 'complete':
    case 'empty':
      return 'success'
    case 'suspended':
      return 'suspended'
    case 'error':
      return completion.copy_failed ? 'failure' : failureOf(completion.sqlstate)
    default:
      return completion.kind satisfies never
  }
}

/** What is run, apart from its numbers and how it ended. */
export interface Subject {
  readonly protocol: Execution['protocol']
  readonly name?: string
  readonly step?: Execution['step']
  readonly text: SentText | undefined
  readonly status: TextFacts['status']
  readonly statement: StatementFacts | undefined
  readonly prepared_text?: string | undefined
  readonly bound?: BoundValues | undefined
  readonly parameter_types?: readonly number[]
  readonly function_oid?: number
  /** True when the name of what is run is in doubt. */
  readonly doubted?: boolean
  readonly start_us: number
  /** Its place among the statements of a Query that show the whole text, each of them; 0 elsewhere. */
  readonly repetition?: number
  /** True for the last statement of a Query, whose end is that of its implicit transaction. */
  readonly ends_query?: boolean
  readonly context?: SessionContextOf
  readonly plan?: NamePlan | undefined
  /** What it does to the session where no statement tells. */
  readonly effects?: readonly Effect[]
}

type SessionContextOf = Execution['context']

/**
 * Puts an execution together: EXECUTE and FETCH are joined to what they run, and a COMMIT that the
 * server answered with ROLLBACK is a failure. `uid` is the `id` of the first execution of the same
 * portal. The numbers come by themselves: copying a subject to add them costs as much as all this.
 */
export function buildExecution(
  state: SessionState,
  subject: Subject,
  ending: Ending,
  id: number,
  uid: number,
): Execution {
  const joined = joinNames(state, subject.statement)
  const own = subject.statement
  const doubted = subject.doubted === true || joined.doubted === true
  const effects = subject.effects ?? joined.effects ?? own?.effects ?? no_effects
  const refused_commit = ending.tag === 'ROLLBACK' && isCommit(own)
  const in_doubt =
    leavesDoubt(ending.sqlstate, ending.fatal) &&
    mayHaveCommitted({
      step: subject.step,
      statement: joined.statement,
      doubted,
      transaction_state: state.transaction.state,
      ends_query: subject.ends_query === true,
    })
  return {
    kind: 'execution',
    protocol: subject.protocol,
    id,
    uid,
    name: subject.name === '' ? undefined : subject.name,
    step: subject.step,
    status: subject.status,
    statement: joined.statement,
    prepared_text: joined.prepared_text ?? subject.prepared_text,
    text: own?.text ?? textWithoutStatement(subject.text),
    repetition: subject.repetition ?? 0,
    length: subject.text?.sha256 === undefined ? undefined : subject.text.length,
    sha256: subject.text?.sha256,
    ambiguous: subject.text?.ambiguous ?? false,
    doubted,
    bound: subject.bound,
    parameter_types: subject.parameter_types ?? [],
    literal_parameters: joined.literal_parameters,
    function_oid: subject.function_oid,
    outcome: refused_commit ? 'failure' : in_doubt ? 'unknown' : ending.outcome,
    tag: ending.tag,
    sqlstate: ending.sqlstate,
    message: ending.message,
    data_rows: ending.data_rows,
    bytes_in: ending.bytes_in,
    bytes_out: ending.bytes_out,
    copied_out: ending.copied_out,
    start_us: subject.start_us,
    end_us: ending.end_us,
    transaction_id: state.transaction.id,
    transaction_state: state.transaction.state,
    context: subject.context ?? state.context,
    plan: joined.plan ?? subject.plan,
    effects: doubted ? [...effects, ...unseen_effects] : effects,
  }
}

/** A text of comments and blanks, or that nobody has read: what speaks of a secret is replaced. */
function textWithoutStatement(text: SentText | undefined): string {
  if (text === undefined) return ''
  const shown = redactUnparsedText(text.text.slice(0, limits.redacted_here_chars))
  return text.text.length > limits.redacted_here_chars ? `${shown} ${redacted}` : shown
}

/** True for what may have committed part of its work, settings included, before it failed. */
export function mayCommitInside(report: Execution): boolean {
  const node = report.statement?.node
  return node === 'CallStmt' || node === 'DoStmt'
}

/** True when it is not known that an execution leaves its transaction open. */
export function mayEndTransaction(report: Execution): boolean {
  const { statement } = report
  if (report.step !== undefined) return false
  if (leavesDoubt(report.sqlstate, false)) return true
  return statement === undefined || statement.node === '' || isCommit(statement)
}

const no_effects: readonly Effect[] = []

interface Joined {
  readonly statement: StatementFacts | undefined
  readonly prepared_text?: string | undefined
  readonly literal_parameters?: readonly (string | null)[] | undefined
  /** Those of the EXECUTE and of what it runs. */
  readonly effects?: readonly Effect[]
  readonly doubted?: boolean
  readonly plan?: NamePlan | undefined
}

/** `depth` counts the EXECUTE that EXECUTE runs. */
function joinNames(state: SessionState, own: StatementFacts | undefined, depth = 0): Joined {
  if (own === undefined || own.effects.length === 0) {
    return { statement: own, literal_parameters: undefined }
  }
  for (const effect of own.effects) {
    if (effect.kind === 'execute') {
      const prepared = state.statements.get(effect.name)
      // What was prepared may be an EXECUTE itself, of a name that counts at this moment.
      const nested = prepared?.statement?.effects.some(({ kind }) => kind === 'execute') === true
      if (nested && depth >= limits.nested_executes) return { statement: unknown_behind(own) }
      const run = nested ? joinNames(state, prepared.statement, depth + 1) : undefined
      const values = effect.parameters.map((value) =>
        value === undefined ? '<expression>' : value,
      )
      const secret = prepared?.statement?.secret_parameters === true
      return {
        statement: behind(own, run?.statement ?? prepared?.statement),
        prepared_text: run?.prepared_text ?? prepared?.prepared_text ?? prepared?.statement?.text,
        literal_parameters: values.length === 0 || secret ? undefined : values,
        effects: [...own.effects, ...(run?.effects ?? effectsOf(prepared?.statement))],
        doubted: state.doubts.ofStatement(prepared) || run?.doubted === true,
        plan: run === undefined ? prepared?.plan : run.plan,
      }
    }
    if (effect.kind === 'fetch') {
      const portal = state.portals.get(effect.name)
      return {
        statement: behind(own, portal?.prepared.statement),
        prepared_text: portal?.prepared.prepared_text,
        effects: [...own.effects, ...effectsOf(portal?.prepared.statement)],
        doubted: state.doubts.ofPortal(portal),
        plan: portal?.plan,
      }
    }
  }
  return { statement: own }
}

function effectsOf(inner: StatementFacts | undefined): readonly Effect[] {
  return inner?.effects ?? unseen_effects
}

/**
 * The statement that a name stands for, seen as run by `own`: its class and objects, but the
 * command and tags of `own` where the server answers with those (FETCH).
 */
function behind(own: StatementFacts, inner: StatementFacts | undefined): StatementFacts {
  // A name that we have not seen being made: what it runs is not known.
  if (inner === undefined) return unknown_behind(own)
  const seen = joined_cache.get(inner)?.get(own)
  if (seen !== undefined) return seen
  const runs_inner = own.node === 'ExecuteStmt'
  const joined: StatementFacts = {
    ...inner,
    text: own.text,
    // CREATE TABLE AS EXECUTE does more than what it executes; an argument may call a function.
    node: runs_inner || own.node === 'FetchStmt' ? inner.node : own.node,
    class: strongest(own.class, inner.class),
    objects: own.objects.length === 0 ? inner.objects : [...own.objects, ...inner.objects],
    command: runs_inner ? inner.command : own.command,
    tags: runs_inner ? [...inner.tags, own.command] : own.tags,
  }
  const by_own = joined_cache.get(inner) ?? new WeakMap<StatementFacts, StatementFacts>()
  by_own.set(own, joined)
  joined_cache.set(inner, by_own)
  return joined
}

/** So that one (statement, EXECUTE) pair is one object, and decisions about it can be cached. */
const joined_cache = new WeakMap<StatementFacts, WeakMap<StatementFacts, StatementFacts>>()

function unknown_behind(own: StatementFacts): StatementFacts {
  return { ...own, node: '', class: strongest(own.class, 'WRITE'), tags: ['*'] }
}

function strongest(a: StatementClass, b: StatementClass): StatementClass {
  return statement_class_strength[b] > statement_class_strength[a] ? b : a
}
