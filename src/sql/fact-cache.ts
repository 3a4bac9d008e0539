import { Lru, type LruBounds } from '../lib/lru.js'
import type { FactsTicket, TextFacts } from './facts.js'
import { settledTicket } from './facts-ticket.js'

/** The share of the whole weight that one text may take: a few large ones must not empty the cache. */
const largest_share = 1 / 8

/** What the cache itself keeps for an entry, in bytes; the weight of facts includes their text's. */
const entry_weight = 200

/**
 * The facts of the texts seen last. It keeps settled tickets, so that a hit, which is nearly every
 * lookup of an application that prepares its statements, allocates nothing.
 */
export class FactCache {
  readonly #tickets: Lru<string, FactsTicket>
  readonly #largest_weight: number

  /** `bounds.weight` is in bytes, roughly. */
  constructor(bounds: LruBounds) {
    this.#largest_weight = bounds.weight * largest_share
    this.#tickets = new Lru(bounds, (ticket) => entry_weight + (ticket.facts?.weight ?? 0))
  }

  get entries(): number {
    return this.#tickets.size
  }

  /** Bytes, roughly. */
  get weight(): number {
    return this.#tickets.weight
  }

  /** A ticket whose facts are set, or undefined. */
  get(text: string): FactsTicket | undefined {
    return this.#tickets.get(text)
  }

  /** Keeps the facts of a text, unless they are so heavy that many others would have to go. */
  set(text: string, facts: TextFacts): void {
    if (entry_weight + facts.weight > this.#largest_weight) return
    this.#tickets.set(text, settledTicket(facts))
  }
}
