import { Fifo } from '../lib/fifo.js'
import type { EndedFate, Request, SessionEvent } from './requests.js'

/** The queue of requests from their arrival to their answer, and the answered ones behind it. */
export class OwedRequests {
  /** Requests whose answers are still to come, oldest first. */
  readonly owed = new Fifo<Request>()
  /** Weight of what is owed, in bytes. */
  owed_bytes = 0
  /** Answered requests, oldest first. */
  readonly events = new Fifo<SessionEvent>()
  /** How many ReadyForQuery may not come, because a COPY that failed had swallowed the Sync. */
  missing_ready = 0

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
   * answer. When a COPY failed, nobody can tell which of the Syncs among its data the server had
   * already read and ignored, so fewer ReadyForQuery may come than Syncs are owed. What the
   * answer cannot belong to shows that the server is further than that.
   */
  answeredBy(kinds: readonly Request['kind'][]): Request | undefined {
    const head = this.owed.peek()
    if (this.missing_ready === 0) return head
    if (head === undefined) return undefined
    while (this.missing_ready > 0) {
      const oldest = this.owed.peek()
      if (oldest === undefined || kinds.includes(oldest.kind)) break
      if (!this.passSync(oldest.time_us)) break
    }
    this.missing_ready = 0
    return this.owed.peek()
  }

  /**
   * Drops what the server skipped up to a Sync, and that Sync, whose ReadyForQuery came before.
   * False when no Sync is owed.
   */
  passSync(now_us: number): boolean {
    this.missing_ready--
    if (!this.owed.some((request) => request.kind === 'sync')) return false
    for (let next = this.owed.peek(); next !== undefined; next = this.owed.peek()) {
      this.answer(next, 'skipped', now_us)
      if (next.kind === 'sync') break
    }
    return true
  }
}
