/**
 * Dates and times in binary format as PostgreSQL shows them with DateStyle ISO, IntervalStyle
 * postgres and TimeZone UTC. Source: datetime.c, timestamp.c and date.c.
 */

const microseconds_per_second = 1_000_000n
const microseconds_per_day = 86_400_000_000n
/** Days between 1970-01-01 and 2000-01-01, PostgreSQL's epoch. */
const epoch_days = 10_957
const days_per_era = 146_097
/** Days between 0000-03-01 and 1970-01-01. */
const era_days = 719_468

const largest_int32 = 0x7fffffff
const smallest_int32 = -0x80000000
const largest_int64 = 0x7fffffffffffffffn
const smallest_int64 = -0x8000000000000000n

export function binaryDate(value: Buffer): string {
  const days = value.readInt32BE()
  if (days === largest_int32) return 'infinity'
  if (days === smallest_int32) return '-infinity'
  const { date, era } = civilDate(days)
  return `${date}${era}`
}

/** `suffix` is the zone, for a timestamp that has one. */
export function binaryTimestamp(value: Buffer, suffix: string): string {
  const since_2000_us = value.readBigInt64BE()
  if (since_2000_us === largest_int64) return 'infinity'
  if (since_2000_us === smallest_int64) return '-infinity'
  const of_day_us =
    ((since_2000_us % microseconds_per_day) + microseconds_per_day) % microseconds_per_day
  const { date, era } = civilDate(Number((since_2000_us - of_day_us) / microseconds_per_day))
  return `${date} ${clock(of_day_us)}${suffix}${era}`
}

export function binaryTime(value: Buffer): string {
  return clock(value.readBigInt64BE())
}

/** time with time zone: the zone is in seconds west of Greenwich. */
export function binaryZonedTime(value: Buffer): string {
  const west_s = value.readInt32BE(8)
  const offset_s = Math.abs(west_s)
  const parts = [Math.floor(offset_s / 3600), Math.floor(offset_s / 60) % 60, offset_s % 60]
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop()
  const zone = parts.map((part) => part.toString().padStart(2, '0')).join(':')
  return `${clock(value.readBigInt64BE())}${west_s > 0 ? '-' : '+'}${zone}`
}

/** Microseconds, days and months. Source: EncodeInterval in datetime.c. */
export function binaryInterval(value: Buffer): string {
  const time_us = value.readBigInt64BE()
  const days = value.readInt32BE(8)
  const months = value.readInt32BE(12)
  if (months === largest_int32 && days === largest_int32 && time_us === largest_int64) {
    return 'infinity'
  }
  if (months === smallest_int32 && days === smallest_int32 && time_us === smallest_int64) {
    return '-infinity'
  }
  const parts: string[] = []
  let before_negative = false
  const units = [
    [Math.trunc(months / 12), 'year'],
    [months % 12, 'mon'],
    [days, 'day'],
  ] as const
  for (const [count, unit] of units) {
    if (count === 0) continue
    const plus = before_negative && count > 0 ? '+' : ''
    parts.push(`${plus}${count} ${unit}${count === 1 ? '' : 's'}`)
    before_negative = count < 0
  }
  if (parts.length === 0 || time_us !== 0n) {
    const sign = time_us < 0n ? '-' : before_negative ? '+' : ''
    parts.push(`${sign}${clock(time_us < 0n ? -time_us : time_us)}`)
  }
  return parts.join(' ')
}

/** `04:05:06.789`; hours may be more than a day has. */
function clock(time_us: bigint): string {
  const fraction_us = time_us % microseconds_per_second
  const seconds = time_us / microseconds_per_second
  const two = (part: bigint) => part.toString().padStart(2, '0')
  const shown = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`
  if (fraction_us === 0n) return shown
  return `${shown}.${fraction_us.toString().padStart(6, '0').replace(/0+$/, '')}`
}

/**
 * The day of the Gregorian calendar, carried on before its time as PostgreSQL does; a year before
 * the first is shown as BC. The calendar repeats itself after 400 years, an era; years begin in
 * March here, so that the leap day is their last.
 */
function civilDate(since_2000: number): { readonly date: string; readonly era: string } {
  const days = since_2000 + epoch_days + era_days
  const era_number = Math.floor(days / days_per_era)
  const of_era = days - era_number * days_per_era
  const year_of_era = Math.floor(
    (of_era -
      Math.floor(of_era / 1460) +
      Math.floor(of_era / 36_524) -
      Math.floor(of_era / 146_096)) /
      365,
  )
  const of_year =
    of_era - (365 * year_of_era + Math.floor(year_of_era / 4) - Math.floor(year_of_era / 100))
  const from_march = Math.floor((5 * of_year + 2) / 153)
  const day = of_year - Math.floor((153 * from_march + 2) / 5) + 1
  const month = from_march < 10 ? from_march + 3 : from_march - 9
  const year = year_of_era + era_number * 400 + (month <= 2 ? 1 : 0)
  // The year before 1 AD is 1 BC.
  const shown = year > 0 ? year : 1 - year
  const two = (part: number) => part.toString().padStart(2, '0')
  return {
    date: `${shown.toString().padStart(4, '0')}-${two(month)}-${two(day)}`,
    era: year > 0 ? '' : ' BC',
  }
}
