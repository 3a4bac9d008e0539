import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { real_disk } from '../../src/trail/disk.js'
import {
  SyncCounters,
  sync_bounds_us,
  sync_counters_bytes,
  timedDisk,
} from '../../src/trail/sync-times.js'
import { UnsavedAge } from '../../src/trail/unsaved-age.js'

describe('age of the oldest unsaved record', () => {
  it('is never too young, and too old by the time between two looks alone', () => {
    const step = fc.record({
      append: fc.nat({ max: 3 }),
      save: fc.nat({ max: 3 }),
      wait_ms: fc.integer({ min: 1, max: 250 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const age = new UnsavedAge(0)
        let now_ms = 0
        const times: number[] = []
        let saved = 0
        for (const { append, save, wait_ms } of steps) {
          for (let n = 0; n < append; n++) times.push(now_ms)
          saved = Math.min(times.length, saved + save)
          now_ms += wait_ms
          const oldest = times[saved]
          const exact = oldest === undefined ? 0 : now_ms - oldest
          const told = age.age(times.length, saved, now_ms)
          expect(told).toBeGreaterThanOrEqual(exact)
          expect(told).toBeLessThanOrEqual(exact === 0 ? 0 : exact + 250)
          age.look(times.length, saved, now_ms)
        }
      }),
    )
  })

  it('keeps few moments of a writer that hangs for a day', () => {
    const age = new UnsavedAge(0)
    for (let look = 1; look <= 4 * 86_400; look++) age.look(look, 0, look * 250)
    expect(age.age(4 * 86_400, 0, 86_400_000)).toBe(86_400_000)
    // Half of it was saved: known as exactly as the kept moments are apart.
    const half = age.age(4 * 86_400, 2 * 86_400, 86_400_000)
    expect(half).toBeGreaterThanOrEqual(43_200_000)
    expect(half).toBeLessThan(43_200_000 + 86_400_000 / 100)
  })
})

describe('times of fsyncs', () => {
  it('are counted by class, those that fail as well', () => {
    const counters = new SyncCounters(new SharedArrayBuffer(sync_counters_bytes), 0)
    for (const bound of sync_bounds_us) counters.add(bound)
    counters.add(9_999_999)
    const { counts, sum_us } = counters.times
    expect(counts).toEqual([1, 1, 1, 1, 1, 1, 1])
    expect(sum_us).toBe(sync_bounds_us.reduce((sum, bound) => sum + bound, 9_999_999))
    const disk = timedDisk(real_disk, counters)
    expect(() => disk.fsyncSync(987_654)).toThrow('EBADF')
    expect(counters.times.counts.reduce((sum, count) => sum + count)).toBe(8)
  })
})
