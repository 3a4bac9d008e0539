import { Fifo } from '../lib/fifo.js'
import { limits } from '../lib/limits.js'
import type { Request } from './requests.js'

/** A copy stream of the client. */
export interface CopyStream {
  /** Place of the request that reads it: the newest one before it that is no Sync. */
  readonly owner: number
  /** Bytes of CopyData bodies. */
  bytes: number
  /** Place of the newest request, Syncs included, when the last data came. */
  data_place: number
  /** Place of the newest request when CopyDone or CopyFail came; undefined before. */
  end_place: number | undefined
  /** True when it ended by CopyFail. */
  failed: boolean
}

/**
 * The copy data that a client sends, by the statement that reads it. The client may send its whole
 * stream before the server has answered anything, so streams wait here until their statement is
 * over. Within COPY the server reads copy data, Flush and Sync, and fails by anything else; so a
 * stream belongs to the last request before it that is none of these, or to nothing.
 * Source: CopyGetData in src/backend/commands/copyfromparse.c.
 */
export class CopyInput {
  /** Oldest first; several have the same owner where one Query has several COPY. */
  readonly #streams = new Fifo<CopyStream>()
  /** Place of the newest request that is no Sync. */
  #owner = 0

  /** The client asked something other than a Sync. */
  asked(place: number): void {
    this.#owner = place
  }

  /** CopyData; `place` is that of the newest request. */
  data(bytes: number, place: number): void {
    const stream = this.#open()
    if (stream === undefined) return
    stream.bytes += bytes
    stream.data_place = place
  }

  /** CopyDone or CopyFail; `place` is that of the newest request. */
  end(failed: boolean, place: number): void {
    const stream = this.#open()
    if (stream === undefined) return
    stream.end_place = place
    stream.failed = failed
  }

  /** What was sent outside of any COPY is thrown away, as the server does. */
  forget(): void {
    this.#streams.clear()
  }

  /** The stream that the request at `place` reads, as far as the client has sent it. */
  of(place: number): CopyStream | undefined {
    for (let next = this.#streams.peek(); next !== undefined; next = this.#streams.peek()) {
      if (next.owner >= place) return next.owner === place ? next : undefined
      // What was sent behind a request that read none of it means nothing.
      this.#streams.shift()
    }
    return undefined
  }

  /** The same, for a statement that is over; one that failed may be over before its stream is. */
  take(place: number): Pick<CopyStream, 'bytes' | 'failed'> {
    const stream = this.of(place)
    if (stream === undefined) return { bytes: 0, failed: false }
    this.#streams.shift()
    return stream
  }

  /** The stream that the client is sending now. */
  #open(): CopyStream | undefined {
    const last = this.#streams.last()
    if (last !== undefined && last.owner === this.#owner && last.end_place === undefined) {
      return last
    }
    if (this.#streams.length >= limits.pending_requests) {
      // So many at once are not streams of any COPY, unless of one Query: its first ones count.
      if (this.#streams.peek()?.owner === this.#owner) return undefined
      this.#streams.shift()
    }
    const owner = this.#owner
    const stream = { owner, bytes: 0, data_place: owner, end_place: undefined, failed: false }
    this.#streams.push(stream)
    return stream
  }
}

/** How many of the Syncs that were sent among copy data have no ReadyForQuery. */
export interface SwallowedSyncs {
  /** As many as it can be at most. */
  readonly most: number
  /** As many as it is where nothing shows otherwise. */
  readonly likely: number
}

/**
 * How many Syncs the client sent between the oldest request, which became COPY IN, and the end of
 * the copy data. The server reads and ignores those, so that no ReadyForQuery comes for them.
 * `asked` is the place of the newest request. When the COPY failed, `interrupted` tells whether by
 * an error that may come at any time: any other error came of copy data, mostly, so that the Syncs
 * behind the last of these were not read by then, unless it came of their end.
 */
export function syncsAmongData(
  owed: Fifo<Request>,
  input: CopyInput,
  asked: number,
  interrupted = true,
): SwallowedSyncs {
  const head = owed.peek()
  if (head?.kind !== 'execute' && head?.kind !== 'query') return { most: 0, likely: 0 }
  const stream = input.of(head.place)
  const data_place = stream?.data_place ?? head.place
  const most = syncsUpTo(owed, stream?.end_place ?? (interrupted ? asked : data_place))
  const by_data = !interrupted && stream !== undefined && stream.bytes > 0
  return { most, likely: by_data ? syncsUpTo(owed, data_place) : most }
}

/** How many Syncs, and nothing else, stand behind the oldest request up to a place. */
function syncsUpTo(owed: Fifo<Request>, place: number): number {
  let count = 0
  for (let next = owed.at(1); next?.kind === 'sync'; next = owed.at(count + 1)) {
    if (next.place > place) break
    count++
  }
  return count
}
