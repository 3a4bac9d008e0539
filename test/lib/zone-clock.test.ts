import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { zoneClock } from '../../src/lib/zone-clock.js'

const hour_us = 3_600_000_000

describe('zoneClock', () => {
  it.each([
    ['UTC', Date.UTC(2026, 0, 1), 0],
    ['Asia/Tokyo', Date.UTC(2026, 0, 1), 9 * 3600],
    ['Asia/Kathmandu', Date.UTC(2026, 0, 1), 5 * 3600 + 45 * 60],
    ['America/St_Johns', Date.UTC(2026, 0, 1), -(3 * 3600 + 30 * 60)],
    ['Europe/Berlin', Date.UTC(2026, 2, 29, 0, 59, 59), 3600],
    ['Europe/Berlin', Date.UTC(2026, 2, 29, 1), 7200],
    ['Europe/Berlin', Date.UTC(2026, 9, 25, 0, 59, 59), 7200],
    ['Europe/Berlin', Date.UTC(2026, 9, 25, 1), 3600],
    ['Australia/Lord_Howe', Date.UTC(2026, 0, 1), 11 * 3600],
    ['Australia/Lord_Howe', Date.UTC(2026, 6, 1), 10 * 3600 + 30 * 60],
    ['Pacific/Kiritimati', Date.UTC(2026, 0, 1), 14 * 3600],
  ])('%s at %d is %d ahead', (time_zone, time_ms, offset) => {
    expect(zoneClock(time_zone).offsetSeconds(time_ms * 1000)).toBe(offset)
  })

  it('agrees with Intl on the time of day at any moment, asked in any order', () => {
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/Santiago', 'Australia/Lord_Howe')
    const time_s = fc.integer({ min: Date.UTC(1975, 0) / 1000, max: Date.UTC(2037, 0) / 1000 })
    fc.assert(
      fc.property(zone, time_s, (time_zone, seconds) => {
        const text = new Date(seconds * 1000).toLocaleTimeString('en-GB', { timeZone: time_zone })
        const [hour = 0, minute = 0, second = 0] = text.split(':').map(Number)
        expect(zoneClock(time_zone).secondOfDay(seconds * 1_000_000)).toBe(
          hour * 3600 + minute * 60 + second,
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('goes over midnight', () => {
    const clock = zoneClock('Asia/Tokyo')
    expect(clock.secondOfDay(15 * hour_us - 1)).toBe(86_399)
    expect(clock.secondOfDay(15 * hour_us)).toBe(0)
    expect(clock.secondOfDay(-1)).toBe(9 * 3600 - 1)
  })

  it('is shared, and refuses an unknown zone with its name', () => {
    expect(zoneClock('Asia/Tokyo')).toBe(zoneClock('Asia/Tokyo'))
    expect(() => zoneClock('Mars/Base')).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: expect.stringContaining('Mars') }),
    )
  })
})
