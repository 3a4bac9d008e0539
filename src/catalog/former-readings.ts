import { limits } from '../lib/limits.js'
import type { Doubts } from './doubts.js'
import type { Layer } from './layer.js'
import type { CatalogSnapshot } from './snapshot.js'

/** A reading of the catalog, and the committed changes that it does not show. */
export interface Reading {
  readonly snapshot: CatalogSnapshot
  readonly settled: Layer
  readonly doubts: Doubts
}

interface FormerReading extends Reading {
  /** When a newer one took its place. */
  readonly replaced_us: number
}

/**
 * Readings of the catalog that newer ones have replaced, for records that lag behind their answers.
 * What a statement dropped or renamed is gone from a reading that began after it: its record would
 * name it `none`, or take what stands further behind in the search path for it.
 */
export class FormerReadings {
  /** Sessions whose records wait, and since when; the eldest first. */
  readonly #laggards = new Map<object, number>()
  /** The eldest first. */
  #kept: FormerReading[] = []

  /** Records of this session wait from now on. */
  lag(session: object, now_us: number): void {
    if (!this.#laggards.has(session)) this.#laggards.set(session, now_us)
  }

  /** Nothing of this session waits any more. */
  caughtUp(session: object): void {
    this.#laggards.delete(session)
    if (this.#kept.length === 0) return
    const [since_us = Number.POSITIVE_INFINITY] = this.#laggards.values()
    this.#kept = this.#kept.filter(({ replaced_us }) => replaced_us > since_us)
  }

  /** A newer reading takes the place of this one. What came since is in the layer `settled`, too. */
  replaced(reading: Reading, now_us: number): void {
    if (this.#laggards.size === 0) return
    for (const { settled } of this.#kept) {
      settled.absorb(reading.settled)
      settled.trim(limits.overlay_entries)
    }
    this.#kept.push({ ...reading, replaced_us: now_us })
    if (this.#kept.length > limits.former_readings) this.#kept.shift()
  }

  /** The reading that was the newest at a moment, as far as it is kept; undefined for the present one. */
  at(moment_us: number): Reading | undefined {
    return this.#kept.find(({ replaced_us }) => replaced_us > moment_us)
  }
}
