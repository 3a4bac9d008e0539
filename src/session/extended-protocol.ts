import type { Execution } from './execution.js'
import {
  type Ending,
  endingOf,
  endingWithout,
  failureOf,
  type Subject,
} from './execution-builder.js'
import { namedOtherwise } from './lexing.js'
import { preparedBy, unknownStatement } from './prepared-by.js'
import type { Reports } from './reports.js'
import type {
  BindRequest,
  BoundValues,
  CloseRequest,
  DescribeRequest,
  ExecuteRequest,
  ParseRequest,
} from './requests.js'
import type { SessionState } from './session-state.js'
import type { Portal, PreparedStatement } from './statement-table.js'
import type { LexingMode } from './text-decoding.js'
import { Unanswered } from './unanswered.js'

/**
 * What Parse, Bind, Describe, Execute and Close mean once they are answered: statements and
 * portals come and go, and each Execute is an execution. What was prepared or bound and never ran
 * is a record too, because code of the server can run in a Parse and in a Bind.
 */
export class ExtendedProtocol {
  readonly #state: SessionState
  readonly #reports: Reports
  /** Prepared and bound without an answer: what was meant to run. */
  readonly #unanswered = new Unanswered()
  /** What has a record of its failed Parse, Bind or Describe, until the Sync. */
  readonly #failed = new Map<PreparedStatement | Portal, FailedStep>()

  constructor(state: SessionState, reports: Reports) {
    this.#state = state
    this.#reports = reports
  }

  /** `values` are those of the skipped Bind behind a Parse that failed, where it is known. */
  parse(event: ParseRequest, values: BoundValues | undefined): void {
    const prepared = preparedBy(event, this.#state, this.#madeBy(event))
    if (event.fate === 'answered') {
      this.#drop(this.#state.statements.delete(event.name))
      this.#drop(this.#state.statements.set(event.name, prepared))
      return
    }
    if (event.fate === 'skipped' || event.fate === 'lost') {
      this.#unanswered.parse(event, prepared)
      return
    }
    this.#unanswered.parse(event, prepared)
    // A failed Parse of the unnamed statement drops the old one; a named one stays as it was.
    if (event.name === '' && !notEvenRead(event.sqlstate)) {
      this.#drop(this.#state.statements.delete(''))
    }
    this.#failed.set(prepared, this.#failedStep('Parse', prepared, values, event))
  }

  bind(event: BindRequest): void {
    const made = this.#madeBy(event)
    const unanswered = event.fate === 'skipped' || event.fate === 'lost'
    const prepared =
      (unanswered ? this.#unanswered.statement(event.statement) : undefined) ??
      this.#state.statements.get(event.statement) ??
      unknownStatement(event.statement, event.time_us)
    const { context, doubts } = this.#state
    const portal: Portal = {
      name: event.portal,
      prepared,
      bound: event.bound,
      hold: false,
      by_sql: false,
      time_us: event.time_us,
      made,
      doubted: doubts.ofStatement(prepared),
      context,
      plan: unanswered
        ? undefined
        : this.#state.plan('portal', prepared.statement, context, prepared.plan),
      statement_id: 0,
      used: false,
    }
    if (event.fate === 'answered') {
      // From now on the portal tells whether the statement was run.
      prepared.used = true
      this.#dropPortal(this.#state.portals.delete(event.portal))
      this.#dropPortal(this.#state.portals.set(event.portal, portal))
      return
    }
    if (unanswered) {
      this.#unanswered.bind(event, portal)
      return
    }
    prepared.used = true
    this.#unanswered.bind(event, portal)
    this.#failed.set(portal, this.#failedStep('Bind', prepared, event.bound, event))
  }

  /** `values` as with {@link parse}, for the Describe of a statement. */
  describe(event: DescribeRequest, values: BoundValues | undefined): void {
    this.#madeBy(event)
    const failed = event.fate === 'failed'
    if (event.target === 'portal') {
      const portal = this.#state.portals.get(event.name)
      if (!failed) return
      const step = this.#failedStep('Describe', portal?.prepared, portal?.bound, event)
      if (portal !== undefined) this.#failed.set(portal, step)
      return
    }
    const prepared = this.#state.statements.get(event.name)
    if (prepared !== undefined && event.parameter_types !== undefined) {
      prepared.parameter_types = event.parameter_types
    }
    if (!failed) return
    const step = this.#failedStep('Describe', prepared, values, event)
    if (prepared !== undefined) this.#failed.set(prepared, step)
  }

  /**
   * One statement leaves one record: the Execute that was sent along with a Parse, Bind or Describe
   * that failed is told by that failure, and a further Execute is a further statement. Where the
   * failure could not wait for the values of the Bind behind it, an Execute with values is told by a
   * record of its own, under the `uid` of the failure.
   */
  execute(event: ExecuteRequest): void {
    this.#madeBy(event)
    const { portal, prepared } = this.#target(event)
    prepared.used = true
    if (portal !== undefined) portal.used = true
    if (event.completion?.kind === 'empty') return
    let first = firstExecution(portal)
    if (event.fate === 'skipped' && portal !== undefined) {
      if (this.#failed.delete(portal)) return
      const failed = this.#failed.get(portal.prepared)
      this.#failed.delete(portal.prepared)
      if (failed !== undefined && (failed.with_values || !holdsValues(portal))) return
      first ??= failed?.id
    }
    const id = this.#reports.executionInTransaction(
      executeSubject(event, prepared, portal, this.#state.doubts.ofPortal(portal)),
      executeEnding(event),
      first,
    )
    if (portal !== undefined && portal.statement_id === 0) portal.statement_id = id
  }

  /** The Execute that the server is working on, for its start record. */
  running(event: ExecuteRequest): Execution {
    const { portal, prepared } = this.#target(event)
    const doubted = this.#state.doubts.ofPortal(portal)
    const subject = executeSubject(event, prepared, portal, doubted)
    return this.#reports.preview(subject, 0, firstExecution(portal))
  }

  close(event: CloseRequest): void {
    if (event.fate === 'failed') {
      const portal = event.target === 'portal' ? this.#state.portals.get(event.name) : undefined
      const prepared = portal?.prepared ?? this.#state.statements.get(event.name)
      this.#failedStep('Close', prepared, portal?.bound, event)
    }
    const made = this.#madeBy(event)
    // Where another name may be meant, nothing is forgotten.
    if (event.fate !== 'answered' || made < this.#state.doubts.moment) return
    if (event.target === 'statement') this.#drop(this.#state.statements.delete(event.name))
    else this.#dropPortal(this.#state.portals.delete(event.name))
  }

  /** When what a message names was made; names that it may mean otherwise are in doubt from now. */
  #madeBy({ names_read_as }: { readonly names_read_as?: LexingMode }): number {
    const { doubts, settings } = this.#state
    const { moment } = doubts
    if (names_read_as !== undefined && namedOtherwise(names_read_as, settings)) doubts.misread()
    return moment
  }

  /** Sync ends a skipped stretch. */
  sync(): void {
    this.#unanswered.clear()
    this.#failed.clear()
  }

  /** What SQL or the end of a transaction dropped unused is a record, as what Close drops is. */
  reportDropped(): void {
    const { dropped } = this.#state
    for (let entry = dropped.shift(); entry !== undefined; entry = dropped.shift()) {
      if ('prepared' in entry) this.#dropPortal(entry)
      else this.#drop(entry)
    }
  }

  /**
   * A Query drops the unnamed statement before it is parsed, and the unnamed portal when it has
   * been. `failed` is the SQLSTATE of one that failed before anything was answered.
   */
  dropUnnamed(failed = ''): void {
    if (notEvenRead(failed)) return
    if (failed === '') this.#dropPortal(this.#state.portals.delete(''))
    this.#drop(this.#state.statements.delete(''))
  }

  /** The session is over, and with it all that was prepared. */
  dropAll(): void {
    for (const { event, portal, prepared } of this.#unanswered.lost()) {
      const used = portal?.used ?? prepared.used
      prepared.used = true
      if (!used) {
        this.#failedStep(event.kind === 'bind' ? 'Bind' : 'Parse', prepared, portal?.bound, event)
      }
    }
    for (const portal of [...this.#state.portals.values()]) this.#dropPortal(portal)
    for (const prepared of [...this.#state.statements.values()]) this.#drop(prepared)
  }

  /** A prepared statement goes: unused, it is a record, because server code can run in a Parse. */
  #drop(prepared: PreparedStatement | undefined): void {
    if (prepared === undefined || prepared.used) return
    prepared.used = true
    this.#preparedOnly(prepared, undefined, prepared.time_us)
  }

  #dropPortal(portal: Portal | undefined): void {
    if (portal === undefined || portal.used || portal.by_sql) return
    portal.used = true
    portal.prepared.used = true
    this.#preparedOnly(portal.prepared, portal, portal.time_us)
  }

  #target(event: ExecuteRequest): {
    readonly portal: Portal | undefined
    readonly prepared: PreparedStatement
  } {
    const portal =
      (event.fate === 'skipped' || event.fate === 'lost'
        ? this.#unanswered.portal(event.portal)
        : undefined) ?? this.#state.portals.get(event.portal)
    return {
      portal,
      prepared: portal?.prepared ?? unknownStatement(event.portal, event.time_us),
    }
  }

  #preparedOnly(prepared: PreparedStatement, portal: Portal | undefined, time_us: number): void {
    // An empty text does nothing; a statement that we have forgotten may have done anything.
    if (prepared.statement === undefined && prepared.text !== undefined) return
    this.#reports.execution(
      {
        protocol: 'extended',
        name: prepared.name,
        ...subjectOf(prepared),
        bound: portal?.bound,
        start_us: time_us,
        ...(portal === undefined ? {} : { context: portal.context, plan: portal.plan }),
      },
      endingWithout('prepared', time_us),
    )
  }

  #failedStep(
    step: 'Parse' | 'Bind' | 'Describe' | 'Close',
    prepared: PreparedStatement | undefined,
    bound: Portal['bound'],
    event: ParseRequest | BindRequest | DescribeRequest | CloseRequest,
  ): FailedStep {
    const known =
      prepared ?? unknownStatement(event.kind === 'bind' ? event.statement : event.name, 0)
    const id = this.#reports.executionInTransaction(
      {
        protocol: 'extended',
        name: known.name,
        step,
        ...subjectOf(known),
        doubted: this.#state.doubts.ofStatement(known),
        bound,
        start_us: event.time_us,
      },
      endingWithout(
        event.fate === 'lost' ? 'unknown' : failureOf(event.sqlstate),
        event.end_us,
        event.sqlstate,
        event.message,
      ),
    )
    return { id, with_values: bound !== undefined }
  }
}

/** The record that a failed message has left. */
interface FailedStep {
  readonly id: number
  /** True when it shows the values that its statement was meant to run with. */
  readonly with_values: boolean
}

/**
 * character_not_in_repertoire, untranslatable_character, protocol_violation: the server may have
 * failed to read the message, before it did anything. Source: pq_getmsgstring in pqformat.c.
 */
function notEvenRead(sqlstate: string): boolean {
  return sqlstate === '22021' || sqlstate === '22P05' || sqlstate === '08P01'
}

function executeSubject(
  event: ExecuteRequest,
  prepared: PreparedStatement,
  portal: Portal | undefined,
  doubted: boolean,
): Subject {
  return {
    doubted,
    protocol: 'extended',
    name: event.portal === '' ? prepared.name : event.portal,
    ...subjectOf(prepared),
    bound: portal?.bound,
    start_us: event.time_us,
    ...(portal === undefined ? {} : { context: portal.context, plan: portal.plan }),
  }
}

function holdsValues({ bound }: Portal): boolean {
  return bound !== undefined && bound.values.length > 0
}

/** The counter of the first execution of a portal that has been executed before. */
function firstExecution(portal: Portal | undefined): number | undefined {
  return portal === undefined || portal.statement_id === 0 ? undefined : portal.statement_id
}

function executeEnding(event: ExecuteRequest): Ending {
  if (event.completion !== undefined) return endingOf(event.completion)
  return {
    ...endingWithout(
      event.fate === 'skipped' ? 'skipped' : 'unknown',
      event.end_us,
      event.sqlstate,
      event.message,
    ),
    data_rows: event.unfinished_rows,
    bytes_out: event.unfinished_bytes_out,
    bytes_in: event.unfinished_bytes_in,
  }
}

function subjectOf(prepared: PreparedStatement) {
  const facts = prepared.text?.ticket.facts
  const known = prepared.statement === undefined ? ('unparsed' as const) : ('parsed' as const)
  const status = facts?.status ?? known
  return {
    text: prepared.text,
    status,
    statement: prepared.statement,
    prepared_text: prepared.prepared_text,
    parameter_types: prepared.parameter_types,
  }
}
