const day_ms = 86_400_000

/** Local dates as `2026-11-21`, which compare as text as the days follow each other. */
function dateFormat(time_zone: string): Intl.DateTimeFormat {
  // The Swedish form of a date is the one of ISO 8601.
  return new Intl.DateTimeFormat('sv-SE', {
    timeZone: time_zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
}

/**
 * When a file that was opened at `opened_ms` is due for rotation by age (milliseconds since 1970).
 * Whole days end at midnight of the zone: at the first instant of the date that many days on, also
 * where a change of the clocks makes the day shorter, longer, or takes its midnight away. Every
 * other age counts from the opening. An age of 0 never ends.
 */
export function rotationTime(opened_ms: number, age_ms: number, time_zone: string): number {
  if (age_ms === 0) return Number.POSITIVE_INFINITY
  if (age_ms % day_ms !== 0) return opened_ms + age_ms
  const format = dateFormat(time_zone)
  const today = format.format(opened_ms)
  const target = new Date(Date.parse(today) + age_ms).toISOString().slice(0, 10)
  // Dates never go back, so the first instant of the target is found by halving. Zones differ
  // from UTC by less than a day and a half, and change by less than that.
  let before_ms = opened_ms
  let reached_ms = opened_ms + age_ms + 2 * day_ms
  while (reached_ms - before_ms > 1) {
    const middle_ms = Math.floor((before_ms + reached_ms) / 2)
    if (format.format(middle_ms) < target) before_ms = middle_ms
    else reached_ms = middle_ms
  }
  return reached_ms
}
