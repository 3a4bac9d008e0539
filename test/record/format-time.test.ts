import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatUtc, formatZoned } from '../../src/record/format-time.js'

const moment = fc.integer({ min: 0, max: 4_102_444_800_000_000 })

describe('formatUtc', () => {
  it('has six digits and goes over the second', () => {
    expect(formatUtc(0)).toBe('1970-01-01T00:00:00.000000Z')
    expect(formatUtc(999_999)).toBe('1970-01-01T00:00:00.999999Z')
    expect(formatUtc(1_000_000)).toBe('1970-01-01T00:00:01.000000Z')
    expect(formatUtc(999_999)).toBe('1970-01-01T00:00:00.999999Z')
  })

  it('agrees with Date on any moment', () => {
    fc.assert(
      fc.property(moment, (time_us) => {
        const iso = new Date(Math.floor(time_us / 1000)).toISOString()
        expect(formatUtc(time_us)).toBe(
          `${iso.slice(0, -1)}${`${time_us % 1000}`.padStart(3, '0')}Z`,
        )
      }),
    )
  })
})

describe('formatZoned', () => {
  it.each(['UTC', 'Asia/Tokyo', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    'in %s reads back as the same moment',
    (time_zone) => {
      fc.assert(
        fc.property(moment, (time_us) => {
          const text = formatZoned(time_us, time_zone)
          expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d(:\d\d)?$/)
          const iso = text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
          expect(Date.parse(iso)).toBe(Math.floor(time_us / 1000))
        }),
      )
    },
  )

  it('tells the two hours apart when clocks are put back', () => {
    const first = Date.UTC(2026, 9, 25, 0, 30) * 1000
    expect(formatZoned(first, 'Europe/Berlin')).toBe('2026-10-25 02:30:00.000+02')
    expect(formatZoned(first + 3_600_000_000, 'Europe/Berlin')).toBe('2026-10-25 02:30:00.000+01')
  })

  it('refuses an unknown zone', () => {
    expect(() => formatZoned(0, 'Nowhere')).toThrow(/Nowhere/)
  })
})
