import { limits } from '../lib/limits.js'
import { type ErrorFields, endsSession } from '../wire/backend-messages.js'
import { type SwallowedSyncs, syncsAmongData } from './copy-input.js'
import {
  completion_answers,
  type FittingAnswer,
  failsBy,
  fits,
  fitting_answers,
  mayBeEarlier,
  mayInterrupt,
} from './fitting-answers.js'
import { LastWord } from './last-word.js'
import { OwedRequests } from './owed-requests.js'
import { answers_at_once, failedBehind, type Request, unasked, unbegun } from './requests.js'
import { StatementProgress } from './statement-progress.js'

/**
 * Matches the server's answers to the client's requests on one connection. Pure: it is told of
 * each message and of the time, and appends finished requests to `events` in the order of their
 * answers. Source: PostgreSQL documentation, "Message Flow".
 *
 *     client  Parse Bind Execute Sync  Query
 *                │    │     │      │     │         owed: answers still to come, oldest first
 *     server     1    2     D…C    Z    T D… C Z   events: answered requests, oldest first
 */
export class Conversation {
  readonly #requests = new OwedRequests()
  /** Requests whose answers are still to come, oldest first. */
  readonly owed = this.#requests.owed
  /** Answered requests, oldest first; whoever processes them takes them from here. */
  readonly events = this.#requests.events

  /** True after an error in the extended protocol until a Sync comes. */
  #skipping = false
  readonly #progress = new StatementProgress()
  /** Syncs among COPY data that are not remembered: a ReadyForQuery may come for each. */
  #forgotten_syncs = 0
  readonly #last_word = new LastWord()
  /** How many requests the client has asked so far. */
  #asked = 0
  /** True when the newest message of the client was of the extended protocol, and no Sync. */
  #unsynced = false
  /** Place of the newest request whose answer the server must not keep in its buffer. */
  #due = 0

  /** Weight of what is owed, in bytes, for the bound on outstanding requests. */
  get owed_bytes(): number {
    return this.#requests.owed_bytes
  }

  /** True when the server is bound to send answers even if the client sends nothing more. */
  get answersDue(): boolean {
    const head = this.owed.peek()
    return head !== undefined && head.place <= this.#due && this.#requests.missing_ready === 0
  }

  /** True while the session is inside COPY IN or COPY BOTH and must not be paused. */
  get copying(): boolean {
    return this.#progress.copying
  }

  /** True after an error in the extended protocol whose Sync the client has not sent yet. */
  get awaitsSync(): boolean {
    return this.#skipping
  }

  /** A request arrived from the client. */
  ask(request: Request): void {
    if (this.#skipping) {
      // After an extended-protocol error the server throws everything away up to the Sync, a
      // Query and a FunctionCall included, and owes no ReadyForQuery for those.
      if (request.kind !== 'sync') {
        this.#requests.finish(request, 'skipped', request.time_us)
        return
      }
      this.#skipping = false
    }
    if (
      request.kind === 'sync' &&
      this.#progress.copying_in &&
      this.owed.length > limits.pending_requests
    ) {
      // Inside COPY IN the client cannot be paused; Syncs among its data need not be remembered.
      this.#forgotten_syncs++
      this.#requests.finish(request, 'skipped', request.time_us)
      return
    }
    if (this.owed.length === 0) this.#progress.forget()
    this.#asked++
    request.place = this.#asked
    if (request.kind !== 'sync') this.#progress.copy_input.asked(this.#asked)
    request.unsynced = this.#unsynced
    this.#unsynced = !answers_at_once[request.kind]
    if (answers_at_once[request.kind]) this.#due = this.#asked
    this.#requests.push(request)
  }

  /** Flush: the server sends all answers that it has so far. */
  flush(): void {
    this.#due = this.#asked
  }

  copyDataFromClient(bytes: number): void {
    this.#progress.copy_input.data(bytes, this.#asked)
  }

  /** CopyDone, or CopyFail (`failed`). */
  copyEndedByClient(failed: boolean): void {
    this.#progress.copy_input.end(failed, this.#asked)
  }

  parseComplete(now_us: number): void {
    this.#answerSimple('ParseComplete', now_us)
  }

  bindComplete(now_us: number): void {
    this.#answerSimple('BindComplete', now_us)
  }

  closeComplete(now_us: number): void {
    this.#answerSimple('CloseComplete', now_us)
  }

  parameterDescription(types: readonly number[], now_us: number): void {
    const head = this.#fitting('ParameterDescription', now_us)
    if (head?.kind === 'describe') head.parameter_types = types
  }

  /** RowDescription or NoData: the end of a Describe; inside a Query it says nothing to us. */
  rowDescription(answer: 'RowDescription' | 'NoData', now_us: number): void {
    const head = this.#fitting(answer, now_us)
    if (head?.kind === 'describe') this.#requests.answer(head, 'answered', now_us)
  }

  dataRow(bytes: number, now_us: number): void {
    // Asked for the first row alone: this is the hot path.
    if (this.#progress.data_rows === 0) this.#fitting('DataRow', now_us)
    this.#progress.data_rows++
    this.#progress.bytes_out += bytes
  }

  copyDataFromServer(bytes: number, now_us: number): void {
    this.#outsideCopy('CopyData', now_us)
    this.#progress.bytes_out += bytes
  }

  /** CopyDone of the server; the completion that follows tells what we record. */
  copyDoneFromServer(now_us: number): void {
    this.#outsideCopy('CopyDone', now_us)
  }

  copyOutResponse(now_us: number): void {
    this.#fitting('CopyOutResponse', now_us)
    this.#progress.copied_out = true
  }

  copyInResponse(now_us: number): void {
    this.#fitting('CopyInResponse', now_us)
    this.#progress.copying_in = true
  }

  copyBothResponse(now_us: number): void {
    this.#fitting('CopyBothResponse', now_us)
    this.#progress.copying_both = true
  }

  /** A message that no server sends in a session, or not any more after its beginning. */
  unexpected(message: string, now_us: number): void {
    this.#disagree(`${message} in an open session`, now_us)
  }

  commandComplete(tag: string, now_us: number): void {
    this.#complete('complete', tag, now_us)
  }

  emptyQuery(now_us: number): void {
    this.#complete('empty', '', now_us)
  }

  portalSuspended(now_us: number): void {
    this.#complete('suspended', '', now_us)
  }

  functionCallResponse(bytes: number, now_us: number): void {
    const head = this.#fitting('FunctionCallResponse', now_us)
    if (head?.kind !== 'function_call') return
    head.fate = 'answered'
    head.bytes_out = bytes
  }

  /** An ErrorResponse within a session: it belongs to the oldest request that is owed. */
  error(fields: ErrorFields, now_us: number): void {
    const head = this.#answeredBy(failsBy(fields), now_us)
    const fatal = endsSession(fields)
    if (fatal) this.#last_word.ended(fields)
    // What has failed already did not fail by the end of the session.
    if (fatal && (head === undefined || head.sqlstate !== '')) return
    if (head === undefined && this.#unsynced && mayInterrupt(fields)) {
      this.events.push(failedBehind(fields, now_us))
      this.#skipping = true
      return
    }
    if (head === undefined || head.sqlstate !== '') {
      this.#disagree(`ErrorResponse ${fields.sqlstate} while none was owed`, now_us, fields)
      // Raised behind the completion of an extended-protocol message, it makes the server skip.
      if (head === undefined && this.#unsynced) this.#skipping = true
      return
    }
    if (!this.#progress.begun && mayBeEarlier(fields, head)) this.#requests.mayMiss(1, 0)
    head.sqlstate = fields.sqlstate
    head.message = fields.message
    // It may have failed before or after the server read the Syncs among the data.
    if (this.#progress.copying_in) {
      const { most, likely } = this.#syncsAmongData(mayInterrupt(fields))
      this.#requests.mayMiss(most, likely)
    }
    if (head.kind === 'query') {
      const completion = this.#progress.completion(head, 'error', '', fields, now_us)
      // A replication command is one statement, whatever else the server says of its failure.
      if (head.text.replication === undefined || head.completions.length === 0) {
        head.completions.push(completion)
      }
      return
    }
    if (head.kind === 'function_call' || head.kind === 'sync') {
      // Their ReadyForQuery still comes, or the end; either takes them off the queue.
      head.fate = fatal ? 'lost' : 'failed'
      this.#progress.reset()
      return
    }
    if (head.kind === 'execute') {
      head.completion = this.#progress.completion(head, 'error', '', fields, now_us)
    }
    this.#progress.reset()
    this.#requests.answer(head, 'failed', now_us)
    this.#skipToSync(now_us)
  }

  /**
   * The server ended the session before it was ready for any request: it has read none of those
   * that were sent ahead.
   */
  refused(fields: ErrorFields): void {
    this.#last_word.ended(fields)
  }

  /** A warning that may turn out to be the server's last word. */
  warned(fields: ErrorFields): void {
    this.#last_word.warned(fields)
  }

  /** The first ReadyForQuery answers the login, even where requests were sent ahead of it. */
  loggedIn(status: 'I' | 'T' | 'E', now_us: number): void {
    this.#requests.pushReported()
    this.events.push({ kind: 'ready', status, ...unasked(now_us) })
  }

  readyForQuery(status: 'I' | 'T' | 'E', now_us: number): void {
    this.#ready(status, now_us)
    this.#requests.settleMissing()
    // Reports count for what comes after the batch that they were sent with.
    this.#requests.pushReported()
  }

  #ready(status: 'I' | 'T' | 'E', now_us: number): void {
    const head = this.owed.peek()
    if (head?.kind === 'query') this.#progress.endReplication(head, false, now_us)
    this.#progress.reset()
    this.#last_word.overheard()
    if (head === undefined) {
      this.#skipping = false
      if (this.#forgotten_syncs > 0) this.#forgotten_syncs--
      else this.#disagree('ReadyForQuery while nothing was owed', now_us)
      this.events.push({ kind: 'ready', status, ...unasked(now_us) })
      return
    }
    if (head.kind === 'sync') {
      head.status = status
      this.#requests.answer(head, head.sqlstate === '' ? 'answered' : 'failed', now_us)
      return
    }
    // Whatever was not even begun, the server has skipped it, where it may have.
    const may_be_skipped = this.#requests.missing_ready > 0 && unbegun(head)
    if (may_be_skipped && this.#requests.passSync(now_us)) {
      this.#ready(status, now_us)
      return
    }
    if (head.kind === 'query' || head.kind === 'function_call') {
      if (head.kind === 'function_call' && head.fate === 'pending') {
        this.#disagree('ReadyForQuery before FunctionCallResponse', now_us)
      }
      this.#requests.answer(head, head.sqlstate === '' ? 'answered' : 'failed', now_us)
      this.events.push({ kind: 'ready', status, ...unasked(now_us) })
      return
    }
    this.#disagree(`ReadyForQuery while the answer to ${head.kind} was owed`, now_us)
    // The server is at a Sync of which we lost count: everything up to ours is over.
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      this.#requests.answer(next, next.kind === 'sync' ? 'answered' : 'lost', now_us)
      if (next.kind === 'sync') {
        next.status = status
        return
      }
    }
  }

  parameterStatus(name: string, value: string, now_us: number): void {
    this.#requests.report({ kind: 'parameter_status', name, value, ...unasked(now_us) })
  }

  /** The connection is over: what is still owed will never be answered. */
  lost(now_us: number): void {
    const head = this.owed.peek()
    const { said, fatal } = this.#last_word
    this.#skipping = false
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      if (next.kind === 'query') this.#progress.endReplication(next, true, now_us)
      if (next.kind === 'query' || next.kind === 'execute') this.#progress.cutOff(next)
      // After FATAL the server has not even read what came later.
      const fate = fatal && next.sqlstate === '' ? 'skipped' : 'lost'
      if (next === head && fate === 'lost' && next.sqlstate === '') Object.assign(next, said)
      this.#requests.answer(next, next.fate === 'failed' ? 'failed' : fate, now_us)
    }
    this.events.push({ kind: 'closed', ...unasked(now_us), ...said })
  }

  #answerSimple(answer: 'ParseComplete' | 'BindComplete' | 'CloseComplete', now_us: number): void {
    const head = this.#fitting(answer, now_us)
    if (head !== undefined) this.#requests.answer(head, 'answered', now_us)
  }

  #complete(kind: 'complete' | 'empty' | 'suspended', tag: string, now_us: number): void {
    const head = this.#fitting(completion_answers[kind], now_us, tag)
    if (head !== undefined && this.#progress.copying_in) this.#dropSyncsAmongData(now_us)
    if (head?.kind === 'query' && head.text.replication !== undefined) {
      this.#progress.replicationTag(tag)
      return
    }
    const completion = this.#progress.completion(head, kind, tag, undefined, now_us)
    if (head?.kind === 'query') {
      head.completions.push(completion)
    } else if (head?.kind === 'execute') {
      head.completion = completion
      this.#requests.answer(head, 'answered', now_us)
    }
  }

  #skipToSync(now_us: number): void {
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      if (next.kind === 'sync') return
      this.#requests.answer(next, 'skipped', now_us)
    }
    this.#skipping = true
  }

  #syncsAmongData(interrupted?: boolean): SwallowedSyncs {
    return syncsAmongData(this.owed, this.#progress.copy_input, this.#asked, interrupted)
  }

  #dropSyncsAmongData(now_us: number): void {
    for (let left = this.#syncsAmongData().most; left > 0; left--) this.#requests.skipSecond(now_us)
  }

  /** The oldest request, where such an answer can belong to it; else that is a disagreement. */
  #fitting(answer: FittingAnswer, now_us: number, tag = ''): Request | undefined {
    this.#last_word.overheard()
    const kinds = fitting_answers[answer]
    const head = this.#answeredBy(kinds, now_us)
    if (head !== undefined && fits(answer, head)) return head
    const named = tag === '' ? answer : `${answer} ${tag}`
    this.#disagree(`${named} while ${head?.kind ?? 'nothing'} was owed`, now_us)
    // The ReadyForQuery of what is owed must have come, and been taken for another's.
    return this.#requests.catchUp(kinds, now_us)
  }

  #answeredBy(kinds: readonly Request['kind'][], now_us: number): Request | undefined {
    if (this.#requests.missing_ready === 0) return this.owed.peek()
    return this.#requests.answeredBy(kinds, () => {
      this.#disagree('an error that may have made the server skip what came with it', now_us)
    })
  }

  /** Copy data, or its end, of a server that has not said that it copies; told once. */
  #outsideCopy(message: string, now_us: number): void {
    const progress = this.#progress
    if (progress.copied_out || progress.copying_both) return
    progress.copied_out = true
    this.#disagree(`${message} outside of COPY`, now_us)
  }

  #disagree(message: string, now_us: number, error?: ErrorFields): void {
    this.events.push({ kind: 'disagreement', ...unasked(now_us), message, error })
  }
}
