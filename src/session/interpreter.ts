import type { FactsTicket, TextFacts } from '../sql/facts.js'
import { isCommit, leavesDoubt, mayHaveCommittedInside } from './commit-doubt.js'
import type { Conversation } from './conversation.js'
import type { Execution, ExecutionOutcome, SessionReport } from './execution.js'
import {
  type Ending,
  endingOf,
  endingWithout,
  failureOf,
  mayCommitInside,
  mayEndTransaction,
  queryEnding,
} from './execution-builder.js'
import { ExtendedProtocol } from './extended-protocol.js'
import { functionSubject } from './function-subject.js'
import { readOtherwise } from './lexing.js'
import { Reports } from './reports.js'
import type {
  ClosedReport,
  FunctionCallRequest,
  QueryRequest,
  ReadyReport,
  RequestFate,
  SessionEvent,
  SyncRequest,
} from './requests.js'
import type { SessionState } from './session-state.js'
import { splitList } from './settings.js'
import { shownStatement } from './shown-statement.js'
import { TransactionEnding } from './transaction-ending.js'
import { lacksValues, mayStillCome, valuesBehind } from './values-behind.js'

/**
 * Turns answered requests, in order, into executions with their facts, and lets their effects
 * take place. Pull style: `next` gives one report at a time, and `settle` must be called for it
 * before the next is asked for, because what a statement did decides what the following means.
 * `next` gives undefined when there is nothing (more) or when facts are still missing; then
 * `waiting_for` is the ticket to wait for.
 */
export class Interpreter {
  readonly #conversation: Conversation
  readonly #state: SessionState
  readonly #patient: boolean
  readonly #reports: Reports
  readonly #extended: ExtendedProtocol
  /** How many completions of the oldest Query have been reported. */
  #reported = 0
  waiting_for: FactsTicket | undefined
  readonly #ending: TransactionEnding
  /** True after the first ReadyForQuery. */
  #logged_in = false

  /** `patient`: the failure of a Parse waits for the values that its statement was to run with. */
  constructor(conversation: Conversation, state: SessionState, patient = true) {
    this.#patient = patient
    this.#conversation = conversation
    this.#state = state
    this.#reports = new Reports(state)
    this.#extended = new ExtendedProtocol(state, this.#reports)
    this.#ending = new TransactionEnding(state, this.#reports)
  }

  next(): SessionReport | undefined {
    this.waiting_for = undefined
    for (;;) {
      this.#extended.reportDropped()
      const report = this.#reports.shift()
      if (report !== undefined) return report
      const event = this.#conversation.events.peek()
      if (event === undefined) return undefined
      const ticket = ticketOf(event)
      if (ticket !== undefined && ticket.facts === undefined) {
        this.waiting_for = ticket
        return undefined
      }
      const incomplete = this.#patient && lacksValues(event)
      if (incomplete && mayStillCome(this.#conversation)) return undefined
      if (event.kind === 'query') {
        // One statement at a time: the next one's names depend on what this one did.
        const done = this.#queryStep(event)
        if (!done) continue
      } else {
        this.#interpret(event)
      }
      this.#conversation.events.shift()
    }
  }

  /**
   * What is over of the Query that the server is still answering, one statement at a time and after
   * all that `next` gives; for those who cannot wait for the rest of it. `shows`: the statement that
   * runs has shown rows, so that it is to be known what it is.
   */
  ahead(shows: boolean): SessionReport | undefined {
    const head = this.#conversation.owed.peek()
    if (head?.kind !== 'query' || this.#conversation.events.length > 0) return undefined
    const over = head.completions.findLastIndex(({ kind }) => kind !== 'error') + 1
    if (over <= this.#reported && !shows) return undefined
    const { ticket } = head.text
    if (ticket.facts === undefined) {
      this.waiting_for = ticket
      return undefined
    }
    if (this.#reported === 0) this.#queryBegins(head)
    while (this.#reports.empty && this.#reported < over) this.#queryStep(head)
    return this.#reports.shift()
  }

  /** True when the oldest request that is owed was asked at that time, or before. */
  worksSince(time_us: number): boolean {
    const head = this.#conversation.owed.peek()
    return head !== undefined && head.time_us <= time_us
  }

  /**
   * The statement that the server is working on, for its start record; undefined while something
   * earlier is not reported yet, or while its facts are missing.
   */
  running(): Execution | undefined {
    if (this.#conversation.events.length > 0) return undefined
    const head = this.#conversation.owed.peek()
    if (head?.kind === 'query') {
      const facts = head.text.ticket.facts
      if (facts === undefined) return undefined
      // A Query drops the unnamed statement; unused, that is a record which comes before.
      this.#extended.dropUnnamed()
      const index = head.completions.length
      if (readOtherwise(head.text, this.#state.settings)) head.text.ambiguous = true
      const parsed = facts.statements[Math.min(index, facts.statements.length - 1)]
      const statement = shownStatement(head.text, facts, parsed)
      if (!this.#reports.empty) return undefined
      const previous = head.completions[index - 1]
      return this.#reports.preview(
        {
          protocol: head.text.replication === undefined ? 'simple' : 'replication',
          text: head.text,
          status: facts.status,
          statement,
          start_us: previous?.end_us ?? head.time_us,
        },
        index - this.#reported,
      )
    }
    if (head?.kind === 'execute' && this.#reports.empty) return this.#extended.running(head)
    if (head?.kind === 'function_call' && this.#reports.empty) {
      return this.#reports.preview(functionSubject(head), 0)
    }
    return undefined
  }

  /** The report was recorded (or not); now its effects take place. */
  settle(report: SessionReport, recorded: boolean): void {
    if (report.kind !== 'execution') return
    if (report.outcome !== 'skipped' && report.outcome !== 'prepared')
      this.#state.doubts.ran(report)
    switch (report.outcome) {
      case 'success':
      case 'suspended':
        if (recorded) this.#state.transaction.recordedSuccess()
        this.#state.applyEffects(report)
        if (mayHaveCommittedInside(report)) {
          this.#ending.committedInside()
          // Where an error follows, settings are put back to what they were before it all.
          if (mayCommitInside(report)) this.#state.doubtForGood()
        }
        return
      case 'failure':
      case 'cancelled':
        if (isCommit(report.statement) && report.tag === 'ROLLBACK') {
          this.#ending.refusedCommit(report)
        } else {
          this.#ending.failed(report)
        }
        if (mayCommitInside(report)) {
          this.#state.doubtForGood()
          if (mayHaveCommittedInside(report)) this.#ending.committedInside()
        }
        return
      case 'unknown':
        if (mayEndTransaction(report)) this.#ending.doubt()
        return
      case 'skipped':
      case 'prepared':
        return
      default:
        report.outcome satisfies never
    }
  }

  #interpret(event: Exclude<SessionEvent, QueryRequest>): void {
    switch (event.kind) {
      case 'parse':
        if (readOtherwise(event.text, this.#state.settings)) event.text.ambiguous = true
        this.#extended.parse(event, valuesBehind(event, this.#conversation.events))
        return
      case 'bind':
        this.#extended.bind(event)
        return
      case 'execute':
        this.#extended.execute(event)
        return
      case 'describe':
        this.#extended.describe(event, valuesBehind(event, this.#conversation.events))
        return
      case 'close':
        this.#extended.close(event)
        return
      case 'function_call':
        this.#functionCall(event)
        return
      case 'sync':
        this.#sync(event)
        return
      case 'ready':
        this.#readyForQuery(event.status, event)
        return
      case 'parameter_status':
        this.#state.settings.report(
          event.name,
          event.name === 'search_path' ? splitList(event.value) : [event.value],
          !this.#logged_in,
        )
        return
      case 'disagreement':
        this.#reports.disagreement(event.message, event.time_us)
        // Whatever an error belongs to, it undoes what was not yet committed.
        if (event.error !== undefined && this.#state.transaction.active) {
          this.#ending.failed(event.error)
        }
        return
      case 'closed':
        this.#closed(event)
        return
      default:
        event satisfies never
    }
  }

  /** Reports the next statement of a Query; true when the whole Query has been reported. */
  #queryStep(event: QueryRequest): boolean {
    const facts = event.text.ticket.facts
    if (facts === undefined) return true
    const index = this.#reported
    if (index === 0) this.#queryBegins(event)
    const count = Math.max(facts.statements.length, event.completions.length)
    if (index >= count) {
      this.#reported = 0
      this.#queryEnds(event, facts)
      return true
    }
    this.#reported++
    const completion = event.completions[index]
    if (completion?.kind === 'empty') return false
    const beyond = index >= facts.statements.length
    if (beyond && index > 0 && completion?.kind === 'error' && facts.status === 'parsed') {
      // All statements had been answered: the error belongs to none of them, and outside a block
      // it comes behind their commit (finish_xact_command in exec_simple_query).
      const idle = this.#state.transaction.state === 'idle'
      if (!completion.fatal && idle) this.#ending.behindQuery(event)
      this.#failedEnd('simple', event, endingOf(completion))
      return false
    }
    // A text that could not be parsed is one statement to us; each answer to it is an execution.
    const parsed = facts.statements[Math.min(index, facts.statements.length - 1)]
    const doubted = event.text.ambiguous || event.fate === 'skipped'
    const statement = shownStatement(event.text, facts, parsed, doubted)
    const whole = facts.status !== 'parsed'
    if (whole && completion === undefined && index > 0) return false
    const ending = completion === undefined ? queryEnding(event) : endingOf(completion)
    const previous = event.completions[index - 1]
    const ends_query = whole || index + 1 >= facts.statements.length
    this.#reports.executionInTransaction(
      {
        protocol: event.text.replication === undefined ? 'simple' : 'replication',
        text: event.text,
        status: beyond ? 'unparsed' : facts.status,
        statement,
        start_us: previous?.end_us ?? event.time_us,
        repetition: whole || beyond || statement !== parsed ? index : 0,
        ends_query,
      },
      ending,
    )
    // What came before it in the same Query is committed, or not, with the last statement.
    if (ending.fatal && ends_query) this.#ending.doubtImplicit()
    return false
  }

  #queryBegins(event: QueryRequest): void {
    // What the server skipped it has not even looked at.
    if (event.fate === 'skipped') return
    this.#extended.dropUnnamed(event.completions[0]?.sqlstate)
    if (readOtherwise(event.text, this.#state.settings)) event.text.ambiguous = true
  }

  #queryEnds(event: QueryRequest, facts: TextFacts): void {
    if (event.fate === 'lost') this.#ending.doubtImplicit()
    if (event.fate !== 'answered' || facts.status !== 'parsed') return
    const answers = event.completions.filter(({ kind }) => kind !== 'empty').length
    if (answers !== facts.statements.length) {
      this.#reports.disagreement(
        `${answers} answered of ${facts.statements.length} statements`,
        event.end_us,
      )
    }
  }

  #functionCall(event: FunctionCallRequest): void {
    const ending = { ...requestEnding(event), bytes_out: event.bytes_out }
    this.#reports.executionInTransaction(functionSubject(event), ending)
    if (event.fate === 'lost') this.#ending.doubtImplicit()
  }

  #sync(event: SyncRequest): void {
    this.#extended.sync()
    if (event.fate === 'lost') this.#ending.doubtImplicit()
    if (event.fate === 'failed' || (event.fate === 'lost' && event.sqlstate !== '')) {
      // A deferred constraint, mostly: the error belongs to no statement.
      this.#failedEnd('extended', event, requestEnding(event))
      if (leavesDoubt(event.sqlstate, false)) this.#ending.doubtImplicit()
      else if (event.fate === 'failed') this.#ending.failed(event)
    }
    if (event.status !== undefined) this.#readyForQuery(event.status, event)
  }

  /** The end of a batch failed, and with it what had been answered before. */
  #failedEnd(
    protocol: 'simple' | 'extended',
    event: QueryRequest | SyncRequest,
    ending: Ending,
  ): void {
    this.#reports.executionInTransaction(
      {
        protocol,
        step: 'Sync',
        text: undefined,
        status: 'parsed',
        statement: undefined,
        start_us: event.time_us,
      },
      ending,
    )
  }

  /** ReadyForQuery: the server's word on the transaction. */
  #readyForQuery(status: 'I' | 'T' | 'E', event: SyncRequest | ReadyReport): void {
    this.#logged_in = true
    this.#state.settings.reportsAreIn()
    this.#ending.status(status, event)
  }

  #closed(event: ClosedReport): void {
    this.#extended.dropAll()
    this.#ending.closed(event)
  }
}

/** How a request without completions ended: FunctionCall, Sync. */
function requestEnding(event: FunctionCallRequest | SyncRequest): Ending {
  const { fate, end_us, sqlstate, message } = event
  const fatal = fate === 'lost' && sqlstate !== ''
  const outcome = fate === 'failed' || fatal ? failureOf(sqlstate) : outcomes[fate]
  return endingWithout(outcome, end_us, sqlstate, message, fatal)
}

const outcomes = {
  pending: 'unknown',
  answered: 'success',
  failed: 'failure',
  skipped: 'skipped',
  lost: 'unknown',
} as const satisfies Record<RequestFate, ExecutionOutcome>

/** The facts that an event needs before it can be interpreted. */
function ticketOf(event: SessionEvent): FactsTicket | undefined {
  return event.kind === 'query' || event.kind === 'parse' ? event.text.ticket : undefined
}
