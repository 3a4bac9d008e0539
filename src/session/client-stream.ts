import { limits } from '../lib/limits.js'
import type { FactsSource } from '../sql/facts.js'
import { replicationFacts, replicationKeyword } from '../sql/replication-command.js'
import type { FrameAction, FrameHandler } from '../wire/framer.js'
import {
  decodeBind,
  decodeExecute,
  decodeFunctionCall,
  decodeParse,
  decodeQuery,
  decodeTarget,
} from '../wire/frontend-messages.js'
import { frontend, letterOf } from '../wire/message-types.js'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import type { Conversation } from './conversation.js'
import { KnownTicket, long_text_ticket } from './known-ticket.js'
import type { BoundValues, PendingRequest, Request, SentText } from './requests.js'
import { type DecodedText, isAscii, type TextDecoding } from './text-decoding.js'
import { TextDigest } from './text-digest.js'

/** What the stream needs to know of the configuration. */
export interface ClientStreamOptions {
  /** Longer texts are hashed, not kept. */
  readonly analysed_bytes: number
  readonly record_parameters: boolean
  readonly parameter_max_bytes: number
}

/** Rough cost of a request, and of one bound value, in memory, in bytes. */
const request_bytes = 200
const value_bytes = 100

const nothing_bound: BoundValues = { formats: [], values: [], cut: false }

const not_recorded: BoundValues = { formats: [], values: [], cut: true }

/**
 * The messages of a client, after its login, turned into requests of the conversation. Bodies are
 * read only where a record needs them; nothing that is kept refers to the chunk.
 */
export class ClientStream implements FrameHandler {
  readonly #conversation: Conversation
  readonly #facts: Pick<FactsSource, 'lookup'>
  readonly #decoding: TextDecoding
  readonly #options: ClientStreamOptions
  #digest: TextDigest | undefined
  /** The beginning of a Bind or FunctionCall that is too long to keep, and how much of it is there. */
  #prefix: Buffer | undefined
  #prefix_bytes = 0
  /** Time of the chunk that is being fed, microseconds since 1970. */
  now_us = 0
  /** Arrival of the current message's first byte. */
  #arrival_us = 0
  /** True on a replication connection, where a Query may hold a command that is no SQL. */
  replication = false
  /** True once the client said Terminate; the server reads nothing that comes after. */
  terminated = false

  constructor(
    conversation: Conversation,
    facts: Pick<FactsSource, 'lookup'>,
    decoding: TextDecoding,
    options: ClientStreamOptions,
  ) {
    this.#conversation = conversation
    this.#facts = facts
    this.#decoding = decoding
    this.#options = options
  }

  get wants_pieces(): boolean {
    return this.#digest !== undefined || this.#prefix !== undefined
  }

  /**
   * Outstanding work is bounded: beyond that the client waits, as it would for a slow server. It
   * must not wait where the server waits for it: inside COPY, or with an extended pipeline whose
   * answers lie in the server's buffer until a Flush or Sync. As many answers as
   * `pending_requests` do not fit into that buffer (8 KiB, at least 5 bytes each).
   */
  get stopped(): boolean {
    const conversation = this.#conversation
    if (conversation.copying) return false
    return (
      conversation.owed.length >= limits.pending_requests ||
      (conversation.owed_bytes >= limits.pending_bytes && conversation.answersDue)
    )
  }

  header(type: number, body_length: number): FrameAction {
    this.#arrival_us = this.now_us
    if (this.terminated) return 'pass'
    switch (type) {
      case frontend.copy_data:
      case frontend.copy_done:
      case frontend.copy_fail:
      case frontend.terminate:
        return 'pass'
      case frontend.flush:
      case frontend.sync:
        // The server answers a body with an error, which would be taken for that of a request.
        if (body_length === 0) return 'pass'
        throw new ProtocolViolation(
          `${body_length} bytes too many in ${type === frontend.flush ? 'Flush' : 'Sync'}`,
        )
      case frontend.query:
      case frontend.parse:
        if (this.#hasRoomFor(body_length)) return 'collect'
        this.#digest = new TextDigest(type === frontend.parse)
        return 'pass'
      case frontend.bind:
      case frontend.function_call:
        if (this.#hasRoomFor(body_length)) return 'collect'
        this.#prefix = Buffer.allocUnsafe(Math.min(body_length, limits.collected_body_bytes))
        this.#prefix_bytes = 0
        return 'pass'
      case frontend.describe:
      case frontend.execute:
      case frontend.close:
        if (body_length <= limits.collected_body_bytes) return 'collect'
        throw new ProtocolViolation(`name too long in message ${letterOf(type)}`)
      default:
        throw new ProtocolViolation(`invalid frontend message type ${letterOf(type)}`)
    }
  }

  piece(buffer: Buffer, start: number, end: number): void {
    this.#digest?.update(buffer, start, end)
    if (this.#prefix !== undefined && this.#prefix_bytes < this.#prefix.length) {
      this.#prefix_bytes += buffer.copy(this.#prefix, this.#prefix_bytes, start, end)
    }
  }

  /** A pipeline without a Sync cannot be paused: what it may hold is bounded here instead. */
  #hasRoomFor(body_length: number): boolean {
    if (body_length > this.#options.analysed_bytes) return false
    const held = this.#conversation.owed_bytes
    return held === 0 || held + body_length * 2 <= limits.unanswered_bytes
  }

  message(type: number, buffer: Buffer, start: number, end: number, body_length: number): void {
    if (this.terminated) return
    const conversation = this.#conversation
    switch (type) {
      case frontend.copy_data:
        conversation.copyDataFromClient(body_length)
        return
      case frontend.copy_fail:
      case frontend.copy_done:
        conversation.copyEndedByClient(type === frontend.copy_fail)
        return
      case frontend.terminate:
        this.terminated = true
        return
      case frontend.flush:
        conversation.flush()
        return
      default:
        conversation.ask(this.#request(type, buffer, start, end))
    }
  }

  #request(type: number, buffer: Buffer, start: number, end: number): Request {
    switch (type) {
      case frontend.query:
        return this.#query(buffer, start, end)
      case frontend.parse:
        return this.#parse(buffer, start, end)
      case frontend.bind:
        return this.#bind(buffer, start, end)
      case frontend.function_call:
        return this.#functionCall(buffer, start, end)
      case frontend.execute: {
        const { portal, max_rows } = decodeExecute(buffer, start, end)
        return {
          kind: 'execute',
          portal: this.#decoding.name(portal),
          max_rows,
          completion: undefined,
          unfinished_rows: 0,
          unfinished_bytes_out: 0,
          unfinished_bytes_in: -1,
          ...this.#pending(portal.length, portal),
        }
      }
      case frontend.describe: {
        const { target, name } = decodeTarget(buffer, start, end, 'Describe')
        return {
          kind: 'describe',
          target,
          name: this.#decoding.name(name),
          parameter_types: undefined,
          ...this.#pending(name.length, name),
        }
      }
      case frontend.close: {
        const { target, name } = decodeTarget(buffer, start, end, 'Close')
        return {
          kind: 'close',
          target,
          name: this.#decoding.name(name),
          ...this.#pending(name.length, name),
        }
      }
      default:
        return { kind: 'sync', status: undefined, ...this.#pending(0) }
    }
  }

  #query(buffer: Buffer, start: number, end: number): Request {
    const text =
      this.#digest === undefined
        ? this.#sentText(decodeQuery(buffer, start, end), this.replication)
        : this.#digestedText(this.#digest)
    return {
      kind: 'query',
      text,
      completions: [],
      unfinished_rows: 0,
      unfinished_bytes_out: 0,
      unfinished_bytes_in: -1,
      ...this.#pending(text.text.length * 2),
    }
  }

  #parse(buffer: Buffer, start: number, end: number): Request {
    if (this.#digest !== undefined) {
      const name = this.#decoding.name(this.#digest.name)
      const pending = this.#pending(0, this.#digest.name)
      const text = this.#digestedText(this.#digest)
      return { kind: 'parse', name, text, parameter_types: [], ...pending }
    }
    const parse = decodeParse(buffer, start, end)
    const text = this.#sentText(parse.text)
    return {
      kind: 'parse',
      name: this.#decoding.name(parse.name),
      text,
      parameter_types: parse.parameter_types,
      ...this.#pending(text.text.length * 2, parse.name),
    }
  }

  #bind(buffer: Buffer, start: number, end: number): Request {
    const prefix = this.#takePrefix()
    if (prefix !== undefined) {
      // Too long to keep: the two names at its beginning say what it binds.
      const portal_end = prefix.indexOf(0)
      const statement_end = prefix.indexOf(0, portal_end + 1)
      if (portal_end < 0 || statement_end < 0)
        throw new ProtocolViolation('unterminated name in Bind')
      return {
        kind: 'bind',
        portal: this.#decoding.name(prefix.subarray(0, portal_end)),
        statement: this.#decoding.name(prefix.subarray(portal_end + 1, statement_end)),
        bound: not_recorded,
        ...this.#pending(0, prefix.subarray(0, statement_end)),
      }
    }
    const bind = decodeBind(buffer, start, end)
    const bound = this.#keepValues(bind.formats, bind.values)
    return {
      kind: 'bind',
      portal: this.#decoding.name(bind.portal),
      statement: this.#decoding.name(bind.statement),
      bound,
      ...this.#pending(weightOf(bound), isAscii(bind.portal) ? bind.statement : bind.portal),
    }
  }

  #functionCall(buffer: Buffer, start: number, end: number): Request {
    const prefix = this.#takePrefix()
    if (prefix !== undefined) {
      if (prefix.length < 4) throw new ProtocolViolation('function OID is cut short')
      const known = { oid: prefix.readUInt32BE(0), bound: not_recorded, bytes_out: 0 }
      return { kind: 'function_call', ...known, ...this.#pending(0) }
    }
    const call = decodeFunctionCall(buffer, start, end)
    const bound = this.#keepValues(call.formats, call.values)
    const { oid } = call
    return { kind: 'function_call', oid, bound, bytes_out: 0, ...this.#pending(weightOf(bound)) }
  }

  #takePrefix(): Buffer | undefined {
    const prefix = this.#prefix?.subarray(0, this.#prefix_bytes)
    this.#prefix = undefined
    return prefix
  }

  /** `may_replicate` is true for a text that need not be SQL. */
  #sentText(bytes: Buffer, may_replicate = false): SentText {
    const decoded = this.#decoding.decode(bytes)
    const { text, mode } = decoded
    const { length } = bytes
    const ambiguous = !decoded.exact
    const replication = may_replicate ? replicationKeyword(text) : undefined
    if (replication !== undefined) {
      const ticket = new KnownTicket(replicationFacts(text, replication))
      return { text, length, mode, ambiguous, ticket, ...asSent(decoded), replication }
    }
    const ticket = this.#facts.lookup(text, this)
    if (decoded.bytes === undefined) return { text, length, mode, ambiguous, ticket }
    return { text, length, mode, ambiguous, ticket, bytes: decoded.bytes }
  }

  #digestedText(digest: TextDigest): SentText {
    this.#digest = undefined
    return {
      text: '',
      length: digest.length,
      sha256: digest.sha256(),
      mode: this.#decoding.mode,
      ambiguous: false,
      ticket: long_text_ticket,
    }
  }

  /** Copies values out of the chunk, no more of them than a record may hold. */
  #keepValues(formats: readonly number[], values: readonly (Buffer | null)[]): BoundValues {
    if (values.length === 0) return nothing_bound
    if (!this.#options.record_parameters) return not_recorded
    let room = this.#options.parameter_max_bytes
    let cut = false
    const kept: (Buffer | null)[] = []
    for (const [index, value] of values.entries()) {
      if (value === null) {
        kept.push(null)
        continue
      }
      if (value.length > room) cut = true
      const part = value.subarray(0, room)
      room -= part.length
      const format = formats.length === 1 ? formats[0] : (formats[index] ?? 0)
      kept.push(format === 0 ? this.#decoding.value(part) : Buffer.from(part))
    }
    return { formats, values: kept, cut }
  }

  /**
   * What all requests have. Says how a name was read that would be another one in another encoding.
   * It stands last where it is spread: at the head of a literal that costs some microseconds.
   */
  #pending(weight: number, name?: Buffer): PendingRequest {
    const pending: PendingRequest = {
      time_us: this.#arrival_us,
      weight: weight + request_bytes,
      place: 0,
      unsynced: false,
      fate: 'pending',
      end_us: 0,
      sqlstate: '',
      message: '',
    }
    if (name === undefined || isAscii(name)) return pending
    return { ...pending, names_read_as: this.#decoding.mode }
  }
}

function asSent({ bytes }: DecodedText): Pick<SentText, 'bytes'> {
  return bytes === undefined ? {} : { bytes }
}

function weightOf(bound: BoundValues): number {
  let weight = 2 * bound.formats.length
  for (const value of bound.values) weight += value_bytes + (value?.length ?? 0)
  return weight
}
