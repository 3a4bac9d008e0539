import { Lru, type LruBounds } from '../lib/lru.js'
import type { FactsTicket, TextFacts } from './facts.js'
import { settledTicket } from './facts-ticket.js'
import type { SharedFacts } from './shared-facts.js'
import { stringWeight } from './weight.js'

/** The share of the whole weight that one text may take: a few large ones must not empty the cache. */
const largest_share = 1 / 8

/** The share of the whole that shapes may take; texts have the rest. */
const shapes_share = 1 / 4

/**
 * What an entry takes beside its key and facts, in bytes: a link of the cache (9 words), its place
 * in the table of the map (some 6), the ticket (5), the array of literals and the like.
 */
const entry_weight = 200

/** What is known of a shape: the facts that its texts share, or that they share none. */
export type ShapeEntry = SharedFacts | 'own'

/**
 * The facts of the texts seen last, and of the shapes of such texts. It keeps settled tickets, so
 * that a hit, which is nearly every lookup of an application that prepares its statements,
 * allocates nothing. Both kinds together stay within the bounds.
 */
export class FactCache {
  readonly #tickets: Lru<string, FactsTicket>
  readonly #shapes: Lru<string, ShapeEntry>
  readonly #largest_weight: number

  /** `bounds.weight` is in bytes. */
  constructor(bounds: LruBounds) {
    this.#largest_weight = bounds.weight * largest_share
    const shapes: LruBounds = {
      entries: Math.floor(bounds.entries * shapes_share),
      weight: Math.floor(bounds.weight * shapes_share),
    }
    const texts: LruBounds = {
      entries: bounds.entries - shapes.entries,
      weight: bounds.weight - shapes.weight,
    }
    this.#tickets = new Lru(texts, (ticket, text) => weightOf(text, ticket.facts))
    this.#shapes = new Lru(shapes, (entry, shape) =>
      weightOf(shape, entry === 'own' ? undefined : entry.facts),
    )
  }

  /** Texts that are known. */
  get entries(): number {
    return this.#tickets.size
  }

  /** Shapes that are known. */
  get shapes(): number {
    return this.#shapes.size
  }

  /** Bytes of both. */
  get weight(): number {
    return this.#tickets.weight + this.#shapes.weight
  }

  /** A ticket whose facts are set, or undefined. */
  get(text: string): FactsTicket | undefined {
    return this.#tickets.get(text)
  }

  /** Keeps the facts of a text, unless they are so heavy that many others would have to go. */
  set(text: string, facts: TextFacts): void {
    if (weightOf(text, facts) > this.#largest_weight) return
    this.#tickets.set(text, settledTicket(facts))
  }

  /** What is known of a shape, or undefined. */
  shape(shape: string): ShapeEntry | undefined {
    return this.#shapes.get(shape)
  }

  /** Keeps what is known of a shape. */
  setShape(shape: string, entry: ShapeEntry): void {
    this.#shapes.set(shape, entry)
  }
}

function weightOf(key: string, facts: TextFacts | undefined): number {
  return entry_weight + stringWeight(key) + (facts?.weight ?? 0)
}
