import { Fifo } from '../lib/fifo.js'
import { limits } from '../lib/limits.js'
import { type ErrorFields, endsSession } from '../wire/backend-messages.js'
import {
  answers_at_once,
  type EndedFate,
  type LastWord,
  not_sync,
  nothing_said,
  type ParameterReport,
  type Request,
  type SessionEvent,
  unasked,
} from './requests.js'
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
  /** Requests whose answers are still to come, oldest first. */
  readonly owed = new Fifo<Request>()
  /** Weight of what is owed, in bytes, for the bound on outstanding requests. */
  owed_bytes = 0
  /** Answered requests, oldest first; whoever processes them takes them from here. */
  readonly events = new Fifo<SessionEvent>()

  /** True after an error in the extended protocol until a Sync comes. */
  #skipping = false
  readonly #progress = new StatementProgress()
  /** How many ReadyForQuery may not come, because a COPY that failed had swallowed the Sync. */
  #missing_ready = 0
  /** True after FATAL: the server says nothing more and runs nothing more. */
  #fatal = false
  /** The error that ended the session, or a warning that nothing has followed. */
  #last_word: LastWord = nothing_said
  /** How many requests the client has asked so far. */
  #asked = 0
  /** Place of the newest request whose answer the server must not keep in its buffer. */
  #due = 0
  /** Settings that the server reported while something was owed; they count from ReadyForQuery. */
  readonly #reported = new Fifo<ParameterReport>()

  /** True when the server is bound to send answers even if the client sends nothing more. */
  get answersDue(): boolean {
    const head = this.owed.peek()
    return head !== undefined && head.place <= this.#due && this.#missing_ready === 0
  }

  /** True while the session is inside COPY IN or COPY BOTH and must not be paused. */
  get copying(): boolean {
    return this.#progress.copying
  }

  /** A request arrived from the client. */
  ask(request: Request): void {
    if (this.#skipping) {
      // After an extended-protocol error the server throws everything away up to the Sync, a
      // Query and a FunctionCall included, and owes no ReadyForQuery for those.
      if (request.kind !== 'sync') {
        this.#finish(request, 'skipped', request.time_us)
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
      this.#finish(request, 'skipped', request.time_us)
      return
    }
    this.#asked++
    request.place = this.#asked
    if (answers_at_once[request.kind]) this.#due = this.#asked
    this.owed_bytes += request.weight
    this.owed.push(request)
  }

  /** Flush: the server sends all answers that it has so far. */
  flush(): void {
    this.#due = this.#asked
  }

  copyDataFromClient(bytes: number): void {
    this.#progress.copy_input.data(bytes)
  }

  /** CopyDone, or CopyFail (`failed`). */
  copyEndedByClient(failed: boolean): void {
    // Where nothing is owed there is no COPY.
    if (this.owed.length === 0) this.#progress.copy_input.forget()
    else this.#progress.copy_input.end(failed, this.#asked)
  }

  parseComplete(now_us: number): void {
    this.#answerSimple('parse', now_us)
  }

  bindComplete(now_us: number): void {
    this.#answerSimple('bind', now_us)
  }

  closeComplete(now_us: number): void {
    this.#answerSimple('close', now_us)
  }

  parameterDescription(types: readonly number[]): void {
    const head = this.#answered('describe')
    if (head?.kind === 'describe') head.parameter_types = types
  }

  /** RowDescription or NoData: the end of a Describe; inside a Query it says nothing to us. */
  rowDescription(now_us: number): void {
    const head = this.#answered('describe', 'query')
    if (head?.kind === 'describe') this.#answer(head, 'answered', now_us)
  }

  dataRow(bytes: number): void {
    this.#progress.data_rows++
    this.#progress.bytes_out += bytes
  }

  copyDataFromServer(bytes: number): void {
    this.#progress.bytes_out += bytes
  }

  copyOutResponse(): void {
    this.#progress.copied_out = true
  }

  copyInResponse(): void {
    this.#answered('query', 'execute')
    this.#progress.copying_in = true
  }

  copyBothResponse(): void {
    this.#progress.copying_both = true
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

  functionCallResponse(now_us: number): void {
    const head = this.#answered('function_call')
    if (head?.kind === 'function_call') head.fate = 'answered'
    else this.#disagree('FunctionCallResponse without a FunctionCall', now_us)
  }

  /** An ErrorResponse within a session: it belongs to the oldest request that is owed. */
  error(fields: ErrorFields, now_us: number): void {
    const head = this.#answered(...not_sync)
    const fatal = endsSession(fields)
    if (fatal) this.#end(fields)
    // What has failed already did not fail by the end of the session.
    if (head === undefined || (fatal && head.sqlstate !== '')) return
    head.sqlstate = fields.sqlstate
    head.message = fields.message
    // It may have failed before or after the server read the Syncs among the data.
    if (this.#progress.copying_in) this.#missing_ready += this.#syncsAmongData(head)
    if (head.kind === 'query') {
      head.completions.push(this.#progress.completion(head, 'error', '', fields, now_us))
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
    this.#answer(head, 'failed', now_us)
    this.#skipToSync(now_us)
  }

  /**
   * The server ended the session before it was ready for any request: it has read none of those
   * that were sent ahead.
   */
  refused(fields: ErrorFields): void {
    this.#end(fields)
  }

  /**
   * A warning. A server process that is told to end while it must not fail (it has committed and
   * waits for a standby; another process crashed) says so by a warning and closes the connection.
   */
  warned(fields: ErrorFields): void {
    if (!this.#fatal) this.#last_word = fields
  }

  #end({ sqlstate, message }: ErrorFields): void {
    this.#fatal = true
    this.#last_word = { sqlstate, message }
  }

  /** The first ReadyForQuery answers the login, even where requests were sent ahead of it. */
  loggedIn(status: 'I' | 'T' | 'E', now_us: number): void {
    this.#pushReported()
    this.events.push({ kind: 'ready', status, ...unasked(now_us) })
  }

  readyForQuery(status: 'I' | 'T' | 'E', now_us: number): void {
    this.#ready(status, now_us)
    // Reports count for what comes after the batch that they were sent with.
    this.#pushReported()
  }

  #pushReported(): void {
    for (let next = this.#reported.shift(); next !== undefined; next = this.#reported.shift()) {
      this.events.push(next)
    }
  }

  #ready(status: 'I' | 'T' | 'E', now_us: number): void {
    const head = this.owed.peek()
    this.#progress.reset()
    this.#overheard()
    if (head === undefined) {
      // The first ReadyForQuery of a session answers the login, not a request.
      this.events.push({ kind: 'ready', status, ...unasked(now_us) })
      return
    }
    if (head.kind === 'sync') {
      head.status = status
      this.#answer(head, head.sqlstate === '' ? 'answered' : 'failed', now_us)
      return
    }
    if (head.kind === 'query' || head.kind === 'function_call') {
      this.#answer(head, head.sqlstate === '' ? 'answered' : 'failed', now_us)
      this.events.push({ kind: 'ready', status, ...unasked(now_us) })
      return
    }
    if (this.#missing_ready > 0 && this.#passSync(now_us)) {
      this.#ready(status, now_us)
      return
    }
    this.#disagree(`ReadyForQuery while the answer to ${head.kind} was owed`, now_us)
    // The server is at a Sync of which we lost count: everything up to ours is over.
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      this.#answer(next, next.kind === 'sync' ? 'answered' : 'lost', now_us)
      if (next.kind === 'sync') {
        next.status = status
        return
      }
    }
  }

  parameterStatus(name: string, value: string, now_us: number): void {
    const report: ParameterReport = { kind: 'parameter_status', name, value, ...unasked(now_us) }
    if (this.owed.length === 0) this.events.push(report)
    else this.#reported.push(report)
  }

  /** The connection is over: what is still owed will never be answered. */
  lost(now_us: number): void {
    const head = this.owed.peek()
    const { sqlstate, message } = this.#last_word
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      if (next.kind === 'query' || next.kind === 'execute') {
        next.unfinished_rows = this.#progress.data_rows
        next.unfinished_bytes_out = this.#progress.bytes_out
        this.#progress.reset()
      }
      // After FATAL the server has not even read what came later.
      const fate = this.#fatal && next.sqlstate === '' ? 'skipped' : 'lost'
      if (next === head && fate === 'lost' && next.sqlstate === '') {
        next.sqlstate = sqlstate
        next.message = message
      }
      this.#answer(next, next.fate === 'failed' ? 'failed' : fate, now_us)
    }
    this.events.push({ kind: 'closed', ...unasked(now_us), sqlstate, message })
  }

  /** An answer after a warning: the warning was not the last word. */
  #overheard(): void {
    if (!this.#fatal) this.#last_word = nothing_said
  }

  #answerSimple(kind: 'parse' | 'bind' | 'close', now_us: number): void {
    const head = this.#answered(kind)
    if (head?.kind === kind) this.#answer(head, 'answered', now_us)
    else this.#disagree(`completion of ${kind} while ${head?.kind ?? 'nothing'} was owed`, now_us)
  }

  #complete(kind: 'complete' | 'empty' | 'suspended', tag: string, now_us: number): void {
    this.#overheard()
    const head = this.#answered('query', 'execute')
    if (head !== undefined && this.#progress.copying_in) this.#dropSyncsAmongData(head, now_us)
    const completion = this.#progress.completion(head, kind, tag, undefined, now_us)
    if (head?.kind === 'query') {
      head.completions.push(completion)
    } else if (head?.kind === 'execute') {
      head.completion = completion
      this.#answer(head, 'answered', now_us)
    } else {
      this.#disagree(`completion ${tag} while ${head?.kind ?? 'nothing'} was owed`, now_us)
    }
  }

  #skipToSync(now_us: number): void {
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      if (next.kind === 'sync') return
      this.#answer(next, 'skipped', now_us)
    }
    this.#skipping = true
  }

  /**
   * How many Syncs the client sent between an Execute that became COPY IN and the end of the copy
   * data. The server reads and ignores those, so that no ReadyForQuery comes for them.
   */
  #syncsAmongData(head: Request): number {
    if (head.kind !== 'execute' && head.kind !== 'query') return 0
    const end = this.#progress.copy_input.endOf(head.place)?.place ?? this.#asked
    let count = 0
    for (let next = this.owed.at(1); next?.kind === 'sync'; next = this.owed.at(count + 1)) {
      if (next.place > end) break
      count++
    }
    return count
  }

  #dropSyncsAmongData(head: Request, now_us: number): void {
    for (let left = this.#syncsAmongData(head); left > 0; left--) {
      const sync = this.owed.at(1)
      if (sync === undefined) return
      this.owed.removeAt(1)
      this.owed_bytes -= sync.weight
      this.#finish(sync, 'skipped', now_us)
    }
  }

  /**
   * The request that an answer other than ReadyForQuery belongs to; `kinds` can have such an
   * answer. When a COPY failed, nobody can tell which of the Syncs among its data the server had
   * already read and ignored, so fewer ReadyForQuery may come than Syncs are owed. What the
   * answer cannot belong to shows that the server is further than that.
   */
  #answered(...kinds: readonly Request['kind'][]): Request | undefined {
    const head = this.owed.peek()
    if (this.#missing_ready === 0) return head
    if (head === undefined) return undefined
    while (this.#missing_ready > 0) {
      const oldest = this.owed.peek()
      if (oldest === undefined || kinds.includes(oldest.kind)) break
      if (!this.#passSync(oldest.time_us)) break
    }
    this.#missing_ready = 0
    return this.owed.peek()
  }

  /**
   * Drops what the server skipped up to a Sync, and that Sync, whose ReadyForQuery came before.
   * False when no Sync is owed.
   */
  #passSync(now_us: number): boolean {
    this.#missing_ready--
    if (!this.owed.some((request) => request.kind === 'sync')) return false
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      this.#answer(next, 'skipped', now_us)
      if (next.kind === 'sync') break
    }
    return true
  }

  #answer(head: Request, fate: EndedFate, now_us: number): void {
    this.#overheard()
    this.owed.shift()
    this.owed_bytes -= head.weight
    this.#finish(head, fate, now_us)
  }

  #finish(request: Request, fate: EndedFate, now_us: number): void {
    request.fate = fate
    request.end_us = now_us
    this.events.push(request)
  }

  #disagree(message: string, now_us: number): void {
    this.events.push({ kind: 'disagreement', ...unasked(now_us), message })
  }
}
