import { assert } from './assert.js'

/** The bounds of an `Lru`; both hold at any time. */
export interface LruBounds {
  readonly entries: number
  readonly weight: number
}

/** A link of the chain from the most to the least recently used entry. */
interface Link<K, V> {
  readonly key: K
  value: V
  weight: number
  newer: Link<K, V> | undefined
  older: Link<K, V> | undefined
}

/**
 * A map that forgets what was used least recently when it holds too many entries or too much
 * weight. A chain beside the map keeps the order, because taking a key out of a Map and putting it
 * in again at each use makes V8 rebuild the table over and over.
 */
export class Lru<K, V> {
  readonly #links = new Map<K, Link<K, V>>()
  readonly #bounds: LruBounds
  readonly #weigh: (value: V, key: K) => number
  #newest: Link<K, V> | undefined
  #oldest: Link<K, V> | undefined
  #weight = 0

  /** `weigh` gives the weight of an entry, in the unit of `bounds.weight`; it is asked at `set`. */
  constructor(bounds: LruBounds, weigh: (value: V, key: K) => number) {
    assert(bounds.entries >= 0 && bounds.weight >= 0, 'the bounds of a cache are not negative')
    this.#bounds = bounds
    this.#weigh = weigh
  }

  get size(): number {
    return this.#links.size
  }

  /** The sum of the weights of all entries. */
  get weight(): number {
    return this.#weight
  }

  /** The value, which becomes the most recently used one, or undefined. */
  get(key: K): V | undefined {
    const link = this.#links.get(key)
    if (link === undefined) return undefined
    if (link !== this.#newest) {
      this.#unlink(link)
      this.#linkNewest(link)
    }
    return link.value
  }

  /** True when the key is there; its age stays as it is. */
  has(key: K): boolean {
    return this.#links.has(key)
  }

  /**
   * Stores a value as the most recently used one and forgets old ones until the bounds hold.
   * An entry that is heavier than all entries together may be is not kept: it would only empty
   * the cache before it fell out itself. Returns whether it was kept.
   */
  set(key: K, value: V): boolean {
    this.delete(key)
    const weight = this.#weigh(value, key)
    assert(weight >= 0, 'the weight of a cache entry is not negative')
    if (weight > this.#bounds.weight || this.#bounds.entries === 0) return false
    const link: Link<K, V> = { key, value, weight, newer: undefined, older: undefined }
    this.#links.set(key, link)
    this.#weight += weight
    this.#linkNewest(link)
    this.#shrink()
    return true
  }

  /** Forgets one key; true when it was there. */
  delete(key: K): boolean {
    const link = this.#links.get(key)
    if (link === undefined) return false
    this.#links.delete(key)
    this.#weight -= link.weight
    this.#unlink(link)
    return true
  }

  clear(): void {
    this.#links.clear()
    this.#newest = undefined
    this.#oldest = undefined
    this.#weight = 0
  }

  /** The newest entry is never the one that goes: alone it is within the bounds. */
  #shrink(): void {
    while (this.#links.size > this.#bounds.entries || this.#weight > this.#bounds.weight) {
      const oldest = this.#oldest
      assert(
        oldest !== undefined && oldest !== this.#newest,
        'a cache out of bounds has old entries',
      )
      this.delete(oldest.key)
    }
  }

  #linkNewest(link: Link<K, V>): void {
    link.older = this.#newest
    link.newer = undefined
    if (this.#newest !== undefined) this.#newest.newer = link
    this.#newest = link
    this.#oldest ??= link
  }

  #unlink(link: Link<K, V>): void {
    if (link.newer === undefined) this.#newest = link.older
    else link.newer.older = link.older
    if (link.older === undefined) this.#oldest = link.newer
    else link.older.newer = link.newer
    link.newer = undefined
    link.older = undefined
  }
}
