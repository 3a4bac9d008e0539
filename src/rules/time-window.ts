import { WitnessError } from '../errors.js'

/** Says whether a time of day, in seconds since local midnight, lies in a window. */
export type TimeTest = (second_of_day: number) => boolean

const day_seconds = 86_400
const window_form = /^(\d{2}):(\d{2})(?::(\d{2}))?-(\d{2}):(\d{2})(?::(\d{2}))?$/

/** Seconds since midnight; undefined when there is no such time. 24:00 is the end of the day. */
function secondsOf(hour: string, minute: string, second: string | undefined): number | undefined {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second ?? 0)
  const possible = Number(minute) < 60 && Number(second ?? 0) < 60 && seconds <= day_seconds
  return possible ? seconds : undefined
}

/**
 * Compiles a daily window such as `22:00-06:00`. The beginning belongs to it and the end does not,
 * so that windows that meet neither overlap nor leave a gap; one that ends before it begins goes
 * over midnight; one that ends where it begins is the whole day. Throws `config.invalid`.
 */
export function compileTimeWindow(window: string): TimeTest {
  const match = window_form.exec(window)
  const from = match === null ? undefined : secondsOf(match[1] ?? '', match[2] ?? '', match[3])
  const to = match === null ? undefined : secondsOf(match[4] ?? '', match[5] ?? '', match[6])
  if (from === undefined || to === undefined) {
    throw new WitnessError(
      'config.invalid',
      `time: "${window}" is not a daily window such as 22:00-06:00`,
    )
  }
  if (from < to) return (second) => second >= from && second < to
  return (second) => second >= from || second < to
}
