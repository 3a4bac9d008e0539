import { Fifo } from '../lib/fifo.js'
import { limits } from '../lib/limits.js'
import type { Request } from './requests.js'

/** The end of a copy stream, as the client sent it. */
export interface EndedCopy {
  /** Bytes of CopyData bodies. */
  readonly bytes: number
  /** True for CopyFail, false for CopyDone. */
  readonly failed: boolean
  /** Place of the newest request that the client had asked before. */
  readonly place: number
}

/**
 * The copy data that a client sends, by the statement that reads it. The client may send its whole
 * stream before the server has answered anything, so ends wait here until their statement is over.
 */
export class CopyInput {
  /** Bytes since the last end. */
  #bytes = 0
  readonly #ended = new Fifo<EndedCopy>()

  /** Place of the newest request when the last data came. */
  #data_place = 0

  /** CopyData; `place` is that of the newest request. */
  data(bytes: number, place: number): void {
    this.#bytes += bytes
    this.#data_place = place
  }

  /** Place of the newest request when the last message of the stream came that the client sent. */
  get last_place(): number {
    return this.#ended.last()?.place ?? this.#data_place
  }

  /** CopyDone or CopyFail; `place` is that of the newest request. */
  end(failed: boolean, place: number): void {
    const bytes = this.#bytes
    this.#bytes = 0
    // So many at once are not ends of any COPY.
    if (this.#ended.length < limits.pending_requests) this.#ended.push({ bytes, failed, place })
  }

  /** What was sent outside of any COPY is thrown away, as the server does. */
  forget(): void {
    this.#bytes = 0
    this.#ended.clear()
  }

  /**
   * The end of the stream that the request at `place` reads, if the client has sent it. Ends that
   * came before that request was asked were sent outside of any COPY and mean nothing.
   */
  endOf(place: number): EndedCopy | undefined {
    for (let end = this.#ended.peek(); end !== undefined; end = this.#ended.peek()) {
      if (end.place >= place) return end
      this.#ended.shift()
    }
    return undefined
  }

  /** The same, for a statement that is over; one that failed may be over before its stream is. */
  take(place: number): Pick<EndedCopy, 'bytes' | 'failed'> {
    const end = this.endOf(place)
    if (end !== undefined) {
      this.#ended.shift()
      return end
    }
    const bytes = this.#bytes
    this.#bytes = 0
    return { bytes, failed: false }
  }
}

/**
 * How many Syncs the client sent between the oldest request, which became COPY IN, and the end of
 * the copy data. The server reads and ignores those, so that no ReadyForQuery comes for them.
 * `asked` is the place of the newest request. When the COPY failed, `interrupted` tells whether by
 * an error that may come at any time: any other error came of copy data, so that the Syncs behind
 * the last of these were not read by then.
 */
export function syncsAmongData(
  owed: Fifo<Request>,
  input: CopyInput,
  asked: number,
  interrupted = true,
): number {
  const head = owed.peek()
  if (head?.kind !== 'execute' && head?.kind !== 'query') return 0
  const end = input.endOf(head.place)?.place ?? (interrupted ? asked : input.last_place)
  let count = 0
  for (let next = owed.at(1); next?.kind === 'sync'; next = owed.at(count + 1)) {
    if (next.place > end) break
    count++
  }
  return count
}
