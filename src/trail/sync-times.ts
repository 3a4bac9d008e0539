import type { Disk } from './disk.js'

/** Upper bounds of the classes that fsyncs are counted in, in microseconds; the last has none. */
export const sync_bounds_us = [1_000, 5_000, 20_000, 100_000, 500_000, 2_500_000] as const

/** How long fsyncs of the audit directory took, since the start. */
export interface SyncTimes {
  /** By class: one more than there are bounds. */
  readonly counts: readonly number[]
  readonly sum_us: number
}

const word_count = sync_bounds_us.length + 2

/** Bytes of shared memory that the counts take. */
export const sync_counters_bytes = word_count * 8

/** The counts in shared memory: the writer adds to them, the relay loop shows them. */
export class SyncCounters {
  readonly #words: BigInt64Array

  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#words = new BigInt64Array(memory, offset, word_count)
  }

  add(duration_us: number): void {
    const found = sync_bounds_us.findIndex((bound) => duration_us <= bound)
    const index = found < 0 ? sync_bounds_us.length : found
    Atomics.add(this.#words, index, 1n)
    Atomics.add(this.#words, word_count - 1, BigInt(Math.round(duration_us)))
  }

  get times(): SyncTimes {
    const values = Array.from(this.#words, (_, index) => Number(Atomics.load(this.#words, index)))
    return { counts: values.slice(0, -1), sum_us: values.at(-1) ?? 0 }
  }
}

/** The same disk, each of whose fsyncs is timed, those that fail as well. */
export function timedDisk(disk: Disk, counters: SyncCounters): Disk {
  const fsyncSync: Disk['fsyncSync'] = (fd) => {
    const begun_ms = performance.now()
    try {
      disk.fsyncSync(fd)
    } finally {
      counters.add((performance.now() - begun_ms) * 1_000)
    }
  }
  // All else is asked of the disk itself at each call, as a test that changes it may want.
  const timed: Disk = Object.create(disk, { fsyncSync: { value: fsyncSync } })
  return timed
}
