import { Fifo } from '../lib/fifo.js'
import {
  answers_at_once,
  type EndedFate,
  type ParameterReport,
  type Request,
  type SessionEvent,
} from './requests.js'

/** The queue of requests from their arrival to their answer, and the answered ones behind it. */
export class OwedRequests {
  /** Requests whose answers are still to come, oldest first. */
  readonly owed = new Fifo<Request>()
  /** Weight of what is owed, in bytes. */
  owed_bytes = 0
  /** Answered requests, oldest first. */
  readonly events = new Fifo<SessionEvent>()
  /** How many ReadyForQuery may not come: see {@link answeredBy}. */
  missing_ready = 0
  /** How many of these are missing where nothing shows otherwise. */
  #likely_missing = 0
  /** An answer could belong to two requests, and that has been told. */
  #torn = false
  /** Settings that the server reported while something was owed; they count from ReadyForQuery. */
  readonly #reported = new Fifo<ParameterReport>()

  push(request: Request): void {
    this.owed_bytes += request.weight
    this.owed.push(request)
  }

  /** The oldest request is over. */
  answer(head: Request, fate: EndedFate, now_us: number): void {
    this.owed.shift()
    this.owed_bytes -= head.weight
    this.finish(head, fate, now_us)
  }

  /** A request that is not, or no longer, in the queue is over. */
  finish(request: Request, fate: EndedFate, now_us: number): void {
    request.fate = fate
    request.end_us = now_us
    this.events.push(request)
  }

  /** The server reported a setting. */
  report(report: ParameterReport): void {
    if (this.owed.length === 0) this.events.push(report)
    else this.#reported.push(report)
  }

  /** ReadyForQuery came: what was reported before it counts. */
  pushReported(): void {
    for (let next = this.#reported.shift(); next !== undefined; next = this.#reported.shift()) {
      this.events.push(next)
    }
  }

  /** The request behind the oldest one will not be answered. */
  skipSecond(now_us: number): void {
    const second = this.owed.at(1)
    if (second === undefined) return
    this.owed.removeAt(1)
    this.owed_bytes -= second.weight
    this.finish(second, 'skipped', now_us)
  }

  /**
   * The request that an answer other than ReadyForQuery belongs to; `kinds` can have such an
   * answer. Fewer ReadyForQuery may come than are owed: when a COPY failed, nobody can tell which
   * of the Syncs among its data the server had read and ignored; and an error may have made it skip
   * a Query up to the Sync, of which the one ReadyForQuery came. What can belong to something
   * behind a Sync, and to nothing before it, shows that the server is further than that. Where it
   * can belong to both, it is taken for the later one as often as ReadyForQuery are likely to be
   * missing; `torn` is told.
   */
  answeredBy(kinds: readonly Request['kind'][], torn: () => void): Request | undefined {
    // What has failed still waits for its own ReadyForQuery.
    if (this.missing_ready > 0 && this.owed.peek()?.sqlstate !== '') return this.owed.peek()
    while (this.missing_ready > 0) {
      const sync = this.owed.findIndex((request) => request.kind === 'sync')
      if (sync === -1) break
      const before = sync > 0 && this.#fits(0, kinds)
      if (!this.#fits(this.#behindSyncs(sync), kinds)) {
        if (before) break
        return this.owed.peek()
      }
      if (before) {
        if (!this.#torn) torn()
        this.#torn = true
        // It may still show later that it was the other one.
        if (this.#likely_missing <= 0) return this.owed.peek()
      }
      this.passSync(this.owed.peek()?.time_us ?? 0, before ? 'lost' : 'skipped')
    }
    this.#noneMissing()
    return this.owed.peek()
  }

  /**
   * The first request that can have such an answer, where all before it are over with a
   * ReadyForQuery: that came without our knowing. Undefined, with nothing changed, otherwise.
   */
  catchUp(kinds: readonly Request['kind'][], now_us: number): Request | undefined {
    const found = this.owed.findIndex(({ kind }) => !answers_at_once[kind] || kinds.includes(kind))
    if (found < 1 || !this.#fits(found, kinds)) return undefined
    for (let left = found; left > 0; left--) {
      const head = this.owed.peek()
      if (head === undefined) break
      const fate = head.kind === 'sync' ? 'skipped' : head.sqlstate === '' ? 'lost' : 'failed'
      this.answer(head, fate, now_us)
    }
    return this.owed.peek()
  }

  /** ReadyForQuery came: where no Sync is owed, none can be missing. */
  settleMissing(): void {
    if (this.missing_ready > 0 && !this.#owesSync()) this.#noneMissing()
  }

  /** At most so many ReadyForQuery more do not come. */
  mayMiss(most: number, likely = most): void {
    this.missing_ready += most
    this.#likely_missing += likely
  }

  #noneMissing(): void {
    this.missing_ready = 0
    this.#likely_missing = 0
    this.#torn = false
  }

  #owesSync(): boolean {
    return this.owed.findIndex((request) => request.kind === 'sync') !== -1
  }

  #fits(index: number, kinds: readonly Request['kind'][]): boolean {
    const request = this.owed.at(index)
    return request !== undefined && kinds.includes(request.kind)
  }

  /** Place in the queue of what follows the Syncs that begin at `index`. */
  #behindSyncs(index: number): number {
    let next = index
    while (this.owed.at(next)?.kind === 'sync' && next - index < this.missing_ready) next++
    return next
  }

  /**
   * Drops what the server skipped up to a Sync, and that Sync, whose ReadyForQuery came before.
   * False when no Sync is owed.
   */
  passSync(now_us: number, fate: 'skipped' | 'lost' = 'skipped'): boolean {
    this.missing_ready--
    this.#likely_missing--
    if (!this.#owesSync()) return false
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      if (next.kind === 'sync') {
        this.answer(next, 'skipped', now_us)
        break
      }
      this.answer(next, next.sqlstate === '' ? fate : 'failed', now_us)
    }
    return true
  }
}
