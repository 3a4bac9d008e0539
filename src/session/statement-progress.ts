import { type ErrorFields, endsSession } from '../wire/backend-messages.js'
import { CopyInput } from './copy-input.js'
import type { Completion, ExecuteRequest, QueryRequest, Request } from './requests.js'

/** What has crossed for the statement that is being answered: rows, bytes, copy data. */
export class StatementProgress {
  data_rows = 0
  /** Bytes of DataRow and CopyData bodies sent to the client. */
  bytes_out = 0
  copied_out = false
  /** True between CopyInResponse (or CopyBothResponse) and the end of that statement. */
  copying_in = false
  copying_both = false
  readonly copy_input = new CopyInput()
  /** The last tag that a replication command has been answered with; it answers several. */
  #tag: string | undefined

  /** True while the client may send copy data to the server. */
  get copying(): boolean {
    return this.copying_in || this.copying_both
  }

  /** True when anything has crossed that only a statement which runs can send. */
  get begun(): boolean {
    return this.data_rows > 0 || this.copied_out || this.copying || this.#tag !== undefined
  }

  /** The statement of `request` is over: gives its completion and starts anew. */
  completion(
    request: Request | undefined,
    kind: Completion['kind'],
    tag: string,
    error: ErrorFields | undefined,
    now_us: number,
  ): Completion {
    const input = this.copying ? this.copy_input.take(request?.place ?? 0) : undefined
    const completion: Completion = {
      kind,
      tag,
      sqlstate: error?.sqlstate ?? '',
      message: error?.message ?? '',
      data_rows: this.data_rows,
      bytes_out: this.bytes_out,
      bytes_in: input?.bytes ?? -1,
      copied_out: this.copied_out,
      copy_failed: input?.failed === true,
      fatal: error !== undefined && endsSession(error),
      end_us: now_us,
    }
    this.reset()
    return completion
  }

  /** One of the tags of a replication command: what comes last counts. */
  replicationTag(tag: string): void {
    this.#tag = tag
  }

  /**
   * The replication command is over, by its ReadyForQuery or because the connection is lost; then
   * only the command's own tag, which is the last of several, shows that it had been completed.
   */
  endReplication(request: QueryRequest, lost: boolean, now_us: number): void {
    const tag = this.#tag
    if (tag === undefined || request.completions.length > 0) return
    if (lost && tag !== request.text.replication) return
    request.completions.push(this.completion(request, 'complete', tag, undefined, now_us))
  }

  /** What had crossed for a request that the connection's end cut off. */
  cutOff(request: QueryRequest | ExecuteRequest): void {
    request.unfinished_rows = this.data_rows
    request.unfinished_bytes_out = this.bytes_out
    if (this.copying) request.unfinished_bytes_in = this.copy_input.take(request.place).bytes
    this.reset()
  }

  /** Nothing was owed: what has crossed belongs to nothing, and neither do the client's data. */
  forget(): void {
    this.reset()
    this.copy_input.forget()
  }

  /** Nothing of what has crossed belongs to what comes next. */
  reset(): void {
    this.#tag = undefined
    this.data_rows = 0
    this.bytes_out = 0
    this.copied_out = false
    this.copying_in = false
    this.copying_both = false
  }
}
