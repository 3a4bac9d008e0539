import { limits } from '../lib/limits.js'
import {
  decodeBackendKeyData,
  decodeCommandComplete,
  decodeErrorResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeReadyForQuery,
  type ErrorFields,
  endsSession,
} from '../wire/backend-messages.js'
import type { FrameAction, FrameHandler } from '../wire/framer.js'
import { backend, letterOf } from '../wire/message-types.js'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import type { Conversation } from './conversation.js'

/** What a server says that concerns the session rather than a request. */
export interface ServerListener {
  backendKeyData(pid: number, key: Buffer): void
  parameterStatus(name: string, value: string): void
  /** Before the first ReadyForQuery, or FATAL: the session is refused or ended by the server. */
  sessionError(fields: ErrorFields): void
  readyForQuery(status: 'I' | 'T' | 'E'): void
}

/** The messages of a server, after AuthenticationOk, turned into answers of the conversation. */
export class ServerStream implements FrameHandler {
  readonly #conversation: Conversation
  readonly #listener: ServerListener
  /** Time of the chunk that is being fed, microseconds since 1970. */
  now_us = 0
  /** False until the first ReadyForQuery. */
  #ready = false
  /**
   * First part of an error that is too long to be kept whole, and a NUL: a server quotes what it
   * refuses, so that one statement could make a record of any length.
   */
  #error_prefix: Buffer | undefined
  #error_prefix_bytes = 0
  /** The server's answers are never stopped in between: what is owed must be told. */
  readonly stopped = false

  constructor(conversation: Conversation, listener: ServerListener) {
    this.#conversation = conversation
    this.#listener = listener
  }

  get wants_pieces(): boolean {
    return this.#error_prefix !== undefined
  }

  header(type: number, body_length: number): FrameAction {
    switch (type) {
      case backend.notice_response:
        return body_length <= limits.collected_body_bytes ? 'collect' : 'pass'
      case backend.data_row:
      case backend.copy_data:
      case backend.copy_done:
      case backend.row_description:
      case backend.no_data:
      case backend.parse_complete:
      case backend.bind_complete:
      case backend.close_complete:
      case backend.portal_suspended:
      case backend.empty_query_response:
      case backend.copy_in_response:
      case backend.copy_out_response:
      case backend.copy_both_response:
      case backend.function_call_response:
      case backend.notification_response:
      case backend.negotiate_protocol_version:
        return 'pass'
      case backend.error_response:
        if (body_length <= limits.collected_body_bytes) return 'collect'
        this.#error_prefix = Buffer.alloc(limits.collected_body_bytes)
        this.#error_prefix_bytes = 0
        return 'pass'
      case backend.authentication:
      case backend.backend_key_data:
      case backend.command_complete:
      case backend.ready_for_query:
        if (body_length > limits.collected_body_bytes) {
          throw new ProtocolViolation(`${body_length} bytes in message ${letterOf(type)}`)
        }
        return 'collect'
      case backend.parameter_description:
      case backend.parameter_status:
        return 'collect'
      default:
        throw new ProtocolViolation(`unknown backend message type ${letterOf(type)}`)
    }
  }

  piece(buffer: Buffer, start: number, end: number): void {
    const prefix = this.#error_prefix
    if (prefix !== undefined) {
      const room_end = Math.min(end, start + prefix.length - 1 - this.#error_prefix_bytes)
      this.#error_prefix_bytes += buffer.copy(prefix, this.#error_prefix_bytes, start, room_end)
    }
  }

  message(type: number, buffer: Buffer, start: number, end: number, body_length: number): void {
    const conversation = this.#conversation
    switch (type) {
      case backend.data_row:
        conversation.dataRow(body_length, this.now_us)
        return
      case backend.copy_data:
        conversation.copyDataFromServer(body_length, this.now_us)
        return
      case backend.command_complete:
        conversation.commandComplete(decodeCommandComplete(buffer, start, end), this.now_us)
        return
      case backend.ready_for_query:
        this.#readyForQuery(decodeReadyForQuery(buffer, start, end))
        return
      case backend.parse_complete:
        conversation.parseComplete(this.now_us)
        return
      case backend.bind_complete:
        conversation.bindComplete(this.now_us)
        return
      case backend.close_complete:
        conversation.closeComplete(this.now_us)
        return
      case backend.row_description:
        conversation.rowDescription('RowDescription', this.now_us)
        return
      case backend.no_data:
        conversation.rowDescription('NoData', this.now_us)
        return
      case backend.error_response:
        this.#error(this.#errorFields(buffer, start, end))
        return
      default:
        this.#rare(type, buffer, start, end, body_length)
    }
  }

  /** The messages that come seldom, apart from those that come with every statement. */
  #rare(type: number, buffer: Buffer, start: number, end: number, body_length: number): void {
    const conversation = this.#conversation
    switch (type) {
      case backend.empty_query_response:
        conversation.emptyQuery(this.now_us)
        return
      case backend.portal_suspended:
        conversation.portalSuspended(this.now_us)
        return
      case backend.parameter_description:
        conversation.parameterDescription(
          decodeParameterDescription(buffer, start, end),
          this.now_us,
        )
        return
      case backend.parameter_status: {
        const { name, value } = decodeParameterStatus(buffer, start, end)
        this.#listener.parameterStatus(name, value)
        conversation.parameterStatus(name, value, this.now_us)
        return
      }
      case backend.backend_key_data: {
        if (this.#ready) {
          conversation.unexpected('BackendKeyData', this.now_us)
          return
        }
        const { pid, key } = decodeBackendKeyData(buffer, start, end)
        this.#listener.backendKeyData(pid, key)
        return
      }
      case backend.copy_in_response:
        conversation.copyInResponse(this.now_us)
        return
      case backend.copy_out_response:
        conversation.copyOutResponse(this.now_us)
        return
      case backend.copy_both_response:
        conversation.copyBothResponse(this.now_us)
        return
      case backend.function_call_response:
        conversation.functionCallResponse(body_length, this.now_us)
        return
      case backend.copy_done:
        conversation.copyDoneFromServer(this.now_us)
        return
      case backend.authentication:
        conversation.unexpected('Authentication', this.now_us)
        return
      case backend.negotiate_protocol_version:
        conversation.unexpected('NegotiateProtocolVersion', this.now_us)
        return
      case backend.notice_response:
        if (end > start) this.#notice(decodeErrorResponse(buffer, start, end))
        return
      default:
        // Notifications say nothing of a request.
        return
    }
  }

  #readyForQuery(status: 'I' | 'T' | 'E'): void {
    if (this.#ready) this.#conversation.readyForQuery(status, this.now_us)
    else this.#conversation.loggedIn(status, this.now_us)
    this.#ready = true
    this.#listener.readyForQuery(status)
  }

  #errorFields(buffer: Buffer, start: number, end: number): ErrorFields {
    const prefix = this.#error_prefix
    if (prefix === undefined) return decodeErrorResponse(buffer, start, end)
    this.#error_prefix = undefined
    // The field that was cut, in practice the message, ends where our part of it does.
    return decodeErrorResponse(prefix, 0, this.#error_prefix_bytes + 1)
  }

  #error(fields: ErrorFields): void {
    if (!this.#ready) {
      this.#conversation.refused(fields)
      this.#listener.sessionError(fields)
      return
    }
    this.#conversation.error(fields, this.now_us)
    if (endsSession(fields)) this.#listener.sessionError(fields)
  }

  /** Class 57 is operator intervention: such a warning may be the last word of the server. */
  #notice(fields: ErrorFields): void {
    if (fields.severity === 'WARNING' && fields.sqlstate.startsWith('57')) {
      this.#conversation.warned(fields)
    }
  }
}
