import { type ErrorFields, endsSession } from '../wire/backend-messages.js'
import { CopyInput } from './copy-input.js'
import type { Completion, Request } from './requests.js'

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

  /** True while the client may send copy data to the server. */
  get copying(): boolean {
    return this.copying_in || this.copying_both
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

  /** Nothing of what has crossed belongs to what comes next. */
  reset(): void {
    this.data_rows = 0
    this.bytes_out = 0
    this.copied_out = false
    this.copying_in = false
    this.copying_both = false
  }
}
