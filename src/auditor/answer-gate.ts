import type { Conversation } from '../session/conversation.js'
import type { Execution, SessionReport } from '../session/execution.js'
import type { Interpreter } from '../session/interpreter.js'
import type { ServerStream } from '../session/server-stream.js'
import type { SessionState } from '../session/session-state.js'
import type { Trail } from '../trail/trail.js'
import type { FrameAction, FrameHandler } from '../wire/framer.js'
import { backend } from '../wire/message-types.js'
import type { RecordOutlet } from './record-outlet.js'

/** The session that the gate belongs to, as far as it is concerned. */
export interface GatedSession {
  readonly stream: ServerStream
  readonly conversation: Conversation
  readonly trail: Pick<Trail, 'acknowledged_position' | 'when_acknowledged'>
  readonly records: Pick<RecordOutlet, 'blocked' | 'position'>
  /** Records that a statement runs, unless that has been done. */
  cover(running: Execution): void
  /** More may pass; not called for what may when it comes. */
  opened(): void
}

const header_bytes = 5
const nowhere = -1
const status_idle = 0x49

/** Tags after which a transaction block is open. */
const block_begins: ReadonlySet<string> = new Set(['BEGIN', 'START TRANSACTION'])

/** Tags after which one may be over; ROLLBACK TO SAVEPOINT answers with the second as well. */
const block_ends: ReadonlySet<string> = new Set(['COMMIT', 'ROLLBACK', 'PREPARE TRANSACTION'])

/** Longer tags are none of those. */
const longest_tag_bytes = 20

/** Messages that show what a statement has read, or may: rows, copied data, results, notices. */
const showing: ReadonlySet<number> = new Set([
  backend.data_row,
  backend.copy_data,
  backend.function_call_response,
  backend.notice_response,
])

/** Messages that say what became of something: not even a part of them passes before its time. */
const telling: ReadonlySet<number> = new Set([
  backend.command_complete,
  backend.ready_for_query,
  backend.error_response,
])

/**
 * How far the server's bytes may pass to the client, where no row and no end of a transaction may
 * be seen before its record is safe (`audit.durability: ack`). It stands before the stream of the
 * server's messages and counts their bytes:
 *
 *     passable      guarded                       message        received
 *     ─────────────┬──────────────┬──────────────┬──────────────┐
 *      has passed  │ waits for    │ its records  │ not whole    │ bytes since the login
 *                  │ the trail    │ are not made │              │
 *
 * A message that must wait is guarded, and all that follows waits with it. When the session has
 * made its records of all that was said, they settle how far the trail must be.
 */
export class AnswerGate implements FrameHandler {
  readonly #session: GatedSession
  #received = 0
  /** Where the message begins that is being read, or the next one. */
  #message_at = 0
  /** True from the header of a message to its end, when its parts may pass. */
  #passes_in_parts = false
  /** Where the first message begins whose records are not made yet. */
  #guarded_at = nowhere
  /** What waits for the trail to come to a place, and what waits behind it for a later one. */
  #first_at = nowhere
  #first_needs = 0
  #second_at = nowhere
  #second_needs = 0
  #listening = false
  #in_block = false
  /** True when the statement that the server is working on has shown something. */
  #shows = false
  /** True when that statement has a start record. */
  #covered = false
  /** True when the server has said that the session ends, and goes on to end it. */
  #ends_soon = false

  constructor(session: GatedSession) {
    this.#session = session
  }

  /** The server's answers are never stopped in between: what is owed must be told. */
  get stopped(): boolean {
    return this.#session.stream.stopped
  }

  get wants_pieces(): boolean {
    return this.#session.stream.wants_pieces
  }

  /** Bytes of the server since the login that may pass to the client. */
  get passable(): number {
    if (this.#first_at !== nowhere) return this.#first_at
    if (this.#guarded_at !== nowhere) return this.#guarded_at
    return this.#passes_in_parts ? this.#received : this.#message_at
  }

  /** True when whole messages alone may pass now, so that one of ours may follow them. */
  get at_boundary(): boolean {
    return this.passable <= this.#message_at
  }

  /** True when something waits, for its records or for the trail. */
  get holds(): boolean {
    return this.#first_at !== nowhere || this.#guarded_at !== nowhere
  }

  /** So many bytes more were fed. */
  fed(bytes: number): void {
    this.#received += bytes
  }

  /** The server has ended the session by an error; the end of the connection tells what that undid. */
  endsSoon(): void {
    this.#ends_soon = true
  }

  /** Nothing more of the server comes. */
  hasEnded(): void {
    this.#ends_soon = false
  }

  /** What is over of a Query whose answers are to pass before its end. */
  ahead(interpreter: Interpreter): SessionReport | undefined {
    if (this.#guarded_at === nowhere) return undefined
    return interpreter.ahead(this.#shows)
  }

  /** All that was said so far has been reported, save of what the server is still working on. */
  settle(interpreter: Interpreter, state: SessionState | undefined): void {
    if (this.#guarded_at === nowhere) return
    const { conversation, records } = this.#session
    const head = conversation.owed.peek()
    // The record of an error that ends a Query, or all, comes with what follows at once.
    if (head !== undefined && head.sqlstate !== '') return
    if (this.#ends_soon && state?.transaction.active === true) return
    const running = this.#shows ? interpreter.running() : undefined
    if (running !== undefined) this.#session.cover(running)
    if (records.blocked) return
    this.#covered = running !== undefined
    this.#waitFor(records.position)
  }

  #waitFor(needs: number): void {
    const at = this.#guarded_at
    this.#guarded_at = nowhere
    if (this.#first_at === nowhere) {
      if (this.#session.trail.acknowledged_position >= needs) return
      this.#first_at = at
      this.#first_needs = needs
      this.#listen()
      return
    }
    // What comes later waits for the latest: it goes with the same fsync, or the next.
    if (this.#second_at === nowhere) this.#second_at = at
    this.#second_needs = needs
  }

  header(type: number, body_length: number): FrameAction {
    const action = this.#session.stream.header(type, body_length)
    const told = telling.has(type) && action === 'collect'
    this.#passes_in_parts = !told
    // An error that is too long to be kept quotes what may be data, and is held no longer than that.
    if (showing.has(type) || (type === backend.error_response && !told)) {
      this.#shows = true
      if (!this.#covered) this.#guard()
    }
    return action
  }

  piece(buffer: Buffer, start: number, end: number): void {
    this.#session.stream.piece(buffer, start, end)
  }

  message(type: number, buffer: Buffer, start: number, end: number, body_length: number): void {
    this.#session.stream.message(type, buffer, start, end, body_length)
    if (!this.#passes_in_parts) this.#tells(type, buffer, start, end)
    else if (type === backend.portal_suspended || type === backend.empty_query_response)
      this.#ends()
    this.#passes_in_parts = false
    this.#message_at += header_bytes + body_length
  }

  #tells(type: number, buffer: Buffer, start: number, end: number): void {
    if (type === backend.command_complete) {
      this.#completes(buffer, start, end)
      return
    }
    this.#ends()
    if (type === backend.ready_for_query) {
      this.#in_block = buffer[start] !== status_idle
      if (this.#in_block) return
    }
    // Errors wait within a block, too: they quote values.
    this.#guard()
  }

  /** Nothing is durable within a transaction block; everything else may have committed. */
  #completes(buffer: Buffer, start: number, end: number): void {
    const head = this.#session.conversation.owed.peek()
    const replicates = head?.kind === 'query' && head.text.replication !== undefined
    const short = end - start <= longest_tag_bytes
    const tag = short ? buffer.toString('latin1', start, end - 1) : ''
    if (!this.#in_block && block_begins.has(tag)) this.#in_block = true
    else if (!this.#in_block || block_ends.has(tag)) {
      this.#in_block = false
      this.#guard()
    }
    // A replication command has several tags, and is recorded when it is over.
    if (replicates) this.#shows = true
    else this.#ends()
  }

  #ends(): void {
    this.#shows = false
    this.#covered = false
  }

  #guard(): void {
    if (this.#guarded_at === nowhere) this.#guarded_at = this.#message_at
  }

  #listen(): void {
    if (!this.#listening) {
      this.#listening = true
      this.#session.trail.when_acknowledged(this.#look)
    }
    // It may have come this far before it knew that somebody waits.
    this.#passWhatIsSafe()
  }

  readonly #look = (): void => {
    this.#listening = false
    const before = this.#first_at
    this.#passWhatIsSafe()
    if (this.#first_at !== nowhere) this.#listen()
    if (this.#first_at !== before) this.#session.opened()
  }

  #passWhatIsSafe(): void {
    const safe = this.#session.trail.acknowledged_position
    while (this.#first_at !== nowhere && this.#first_needs <= safe) {
      this.#first_at = this.#second_at
      this.#first_needs = this.#second_needs
      this.#second_at = nowhere
    }
  }
}
