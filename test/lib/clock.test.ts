import { afterEach, describe, expect, it, vi } from 'vitest'
import { SystemClock } from '../../src/lib/clock.js'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the system clock', () => {
  it('gives whole microseconds that agree with the wall clock', () => {
    const clock = new SystemClock()
    for (let round = 0; round < 1000; round++) {
      const before_ms = Date.now()
      const now_us = clock.nowMicroseconds()
      const after_ms = Date.now()
      expect(Number.isInteger(now_us)).toBe(true)
      expect(now_us / 1000).toBeGreaterThanOrEqual(before_ms - 3)
      expect(now_us / 1000).toBeLessThanOrEqual(after_ms + 3)
    }
  })

  it('is finer than a millisecond and does not go back while the wall clock runs on', () => {
    let monotonic_ms = 0
    vi.spyOn(performance, 'now').mockImplementation(() => monotonic_ms)
    vi.spyOn(Date, 'now').mockImplementation(() => 1_000_000 + Math.floor(monotonic_ms))
    const clock = new SystemClock()
    let previous = clock.nowMicroseconds()
    for (; monotonic_ms < 50; monotonic_ms += 0.25) {
      const now = clock.nowMicroseconds()
      expect(now).toBe(1_000_000_000 + monotonic_ms * 1000)
      expect(now).toBeGreaterThanOrEqual(previous)
      previous = now
    }
  })

  it('follows a correction of the wall clock', () => {
    let monotonic_ms = 0
    let wall_ms = 1_000_000
    vi.spyOn(performance, 'now').mockImplementation(() => monotonic_ms)
    vi.spyOn(Date, 'now').mockImplementation(() => wall_ms)
    const clock = new SystemClock()
    for (const correction_ms of [60_000, -120_000]) {
      monotonic_ms += 10
      wall_ms += 10 + correction_ms
      expect(clock.nowMicroseconds()).toBe(wall_ms * 1000)
      monotonic_ms += 1.5
      wall_ms += 1
      expect(clock.nowMicroseconds()).toBe(wall_ms * 1000 + 500)
    }
  })
})
