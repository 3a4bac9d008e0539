import { describe, expect, it } from 'vitest'
import { rotationTime } from '../../src/trail/rotation-time.js'

const day_ms = 86_400_000

function next(opened: string, days: number, time_zone: string): string {
  return new Date(rotationTime(Date.parse(opened), days * day_ms, time_zone)).toISOString()
}

describe('rotation time', () => {
  it('is midnight of the zone for whole days', () => {
    expect(next('2026-11-21T22:06:01Z', 1, 'UTC')).toBe('2026-11-22T00:00:00.000Z')
    expect(next('2026-11-21T22:06:01Z', 1, 'Asia/Tokyo')).toBe('2026-11-22T15:00:00.000Z')
    expect(next('2026-11-21T22:06:01Z', 7, 'UTC')).toBe('2026-11-28T00:00:00.000Z')
    expect(next('2026-12-31T23:59:59.999Z', 1, 'UTC')).toBe('2027-01-01T00:00:00.000Z')
  })

  it('is a whole day away when opened at midnight', () => {
    expect(next('2026-11-22T00:00:00Z', 1, 'UTC')).toBe('2026-11-23T00:00:00.000Z')
  })

  it('follows the clocks when they change', () => {
    // Berlin: the days of 23 and of 25 hours.
    expect(next('2026-03-28T23:00:00Z', 1, 'Europe/Berlin')).toBe('2026-03-29T22:00:00.000Z')
    expect(next('2026-10-24T22:00:00Z', 1, 'Europe/Berlin')).toBe('2026-10-25T23:00:00.000Z')
  })

  it('takes the first instant of a day that has no midnight', () => {
    // São Paulo went from 23:59:59 to 01:00 on 4 November 2018.
    expect(next('2018-11-03T12:00:00Z', 1, 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z')
  })

  it('passes over a date that a zone left out', () => {
    // Samoa went from 29 December 2011 to the 31st.
    expect(next('2011-12-29T12:00:00Z', 1, 'Pacific/Apia')).toBe('2011-12-30T10:00:00.000Z')
  })

  it('counts other ages from the opening, and 0 never', () => {
    const opened_ms = Date.parse('2026-11-21T22:06:01Z')
    expect(rotationTime(opened_ms, 3_600_000, 'UTC')).toBe(opened_ms + 3_600_000)
    expect(rotationTime(opened_ms, 0, 'UTC')).toBe(Number.POSITIVE_INFINITY)
  })
})
