import { WitnessError } from '../errors.js'

/** Tells what clocks on the wall of one time zone show. */
export interface ZoneClock {
  readonly time_zone: string
  /** Seconds that local time is ahead of UTC at a moment given in microseconds since 1970. */
  offsetSeconds(time_us: number): number
  /** Seconds since local midnight, 0 to 86,399, at a moment in microseconds since 1970. */
  secondOfDay(time_us: number): number
}

/**
 * Zones change their offset only at quarter hours of UTC (since 1972, the last odd one), so one
 * question to Intl serves a quarter of an hour.
 */
const block_us = 15 * 60 * 1_000_000

/** Records of statements that ran long ask for older blocks; a day of them is plenty. */
const max_blocks = 96

const second_us = 1_000_000
const day_seconds = 86_400

class CachingZoneClock implements ZoneClock {
  readonly time_zone: string
  readonly #format: Intl.DateTimeFormat
  readonly #offsets = new Map<number, number>()
  #last_block = Number.NaN
  #last_offset = 0

  constructor(time_zone: string) {
    this.time_zone = time_zone
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: time_zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  offsetSeconds(time_us: number): number {
    const block = Math.floor(time_us / block_us)
    if (block === this.#last_block) return this.#last_offset
    let offset = this.#offsets.get(block)
    if (offset === undefined) {
      offset = this.#ask((block * block_us) / 1000)
      if (this.#offsets.size >= max_blocks) this.#offsets.clear()
      this.#offsets.set(block, offset)
    }
    this.#last_block = block
    this.#last_offset = offset
    return offset
  }

  secondOfDay(time_us: number): number {
    const local = Math.floor(time_us / second_us) + this.offsetSeconds(time_us)
    return ((local % day_seconds) + day_seconds) % day_seconds
  }

  /** Reads the local date and time as if it were UTC: the difference is the offset. */
  #ask(time_ms: number): number {
    const field = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 }
    for (const part of this.#format.formatToParts(time_ms)) {
      if (part.type in field) field[part.type as keyof typeof field] = Number(part.value)
    }
    const local_ms = Date.UTC(
      field.year,
      field.month - 1,
      field.day,
      field.hour,
      field.minute,
      field.second,
    )
    return Math.round((local_ms - time_ms) / 1000)
  }
}

const clocks = new Map<string, ZoneClock>()

/**
 * The clock of an IANA zone such as `Asia/Tokyo`, shared by all who ask. Throws `config.invalid`
 * for a zone that the runtime does not know. Reads no clock itself: moments are given to it.
 */
export function zoneClock(time_zone: string): ZoneClock {
  const known = clocks.get(time_zone)
  if (known !== undefined) return known
  let clock: ZoneClock
  try {
    clock = new CachingZoneClock(time_zone)
  } catch (error) {
    throw new WitnessError('config.invalid', `time_zone: "${time_zone}" is not a time zone`, {
      cause: error,
    })
  }
  // Only names that the runtime knows get here, so the map is bounded by its list of zones.
  clocks.set(time_zone, clock)
  return clock
}
