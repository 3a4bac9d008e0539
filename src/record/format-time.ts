import { type ZoneClock, zoneClock } from '../lib/zone-clock.js'

const second_us = 1_000_000

/** `2026-11-21T22:06:01` of a number of seconds since 1970, read as UTC. */
function isoSeconds(seconds: number): string {
  // The ISO form ends in `.000Z`, whatever the year's length.
  return new Date(seconds * 1000).toISOString().slice(0, -5)
}

let utc_second = Number.NaN
let utc_text = ''

/**
 * The time of the JSON format: `2026-11-21T22:06:01.123456Z`, from microseconds since 1970 (UTC).
 * Many records share a second, so its text is kept.
 */
export function formatUtc(time_us: number): string {
  const second = Math.floor(time_us / second_us)
  if (second !== utc_second) {
    utc_text = isoSeconds(second)
    utc_second = second
  }
  const fraction = `${Math.floor(time_us - second * second_us)}`.padStart(6, '0')
  return `${utc_text}.${fraction}Z`
}

/** `+09`, `-03:30`: as PostgreSQL prints an offset, which is read back the same way. */
function formatOffset(offset_seconds: number): string {
  const sign = offset_seconds < 0 ? '-' : '+'
  const total = Math.abs(offset_seconds)
  const hours = twoDigits(Math.floor(total / 3600))
  const minutes = Math.floor(total / 60) % 60
  const seconds = total % 60
  if (seconds !== 0) return `${sign}${hours}:${twoDigits(minutes)}:${twoDigits(seconds)}`
  return minutes === 0 ? `${sign}${hours}` : `${sign}${hours}:${twoDigits(minutes)}`
}

function twoDigits(value: number): string {
  return `${value}`.padStart(2, '0')
}

/** Formats the times of one zone, keeping the text of the last second. */
class ZonedFormat {
  readonly #clock: ZoneClock
  #second = Number.NaN
  #text = ''
  #offset = ''

  constructor(time_zone: string) {
    this.#clock = zoneClock(time_zone)
  }

  format(time_us: number): string {
    const second = Math.floor(time_us / second_us)
    if (second !== this.#second) {
      const offset_seconds = this.#clock.offsetSeconds(time_us)
      this.#text = isoSeconds(second + offset_seconds).replace('T', ' ')
      this.#offset = formatOffset(offset_seconds)
      this.#second = second
    }
    const fraction = `${Math.floor((time_us - second * second_us) / 1000)}`.padStart(3, '0')
    return `${this.#text}.${fraction}${this.#offset}`
  }
}

const formats = new Map<string, ZonedFormat>()

/**
 * The time of the CSV format: `2018-11-04 19:00:49.123+09`, milliseconds, local to an IANA zone,
 * from microseconds since 1970 (UTC). The offset makes it unambiguous when clocks are put back,
 * and, unlike a zone's abbreviation, PostgreSQL reads it only one way. Throws `config.invalid` for
 * an unknown zone.
 */
export function formatZoned(time_us: number, time_zone: string): string {
  let format = formats.get(time_zone)
  if (format === undefined) {
    format = new ZonedFormat(time_zone)
    formats.set(time_zone, format)
  }
  return format.format(time_us)
}
