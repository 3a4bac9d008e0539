import { InvalidArgumentError } from 'commander'
import { durationWithin } from '../config/units.js'
import type { TailOptions } from './tail.js'
import type { TailFormat } from './tail-output.js'

/** The flags of `tail` as the command line has them. */
export interface TailCommandFlags {
  readonly config?: string
  readonly class?: readonly string[]
  readonly user?: readonly string[]
  readonly object?: readonly string[]
  readonly failed?: boolean
  /** Microseconds since 1970. */
  readonly since?: number
  readonly lines?: number
  readonly follow: boolean
  readonly output: TailFormat
  readonly color: boolean
}

/** Records that are shown before those that come. */
const default_lines = 10

const century_ms = 36_500 * 86_400_000

/** For an option that may be given more than once. */
export function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** The same, for values without commas of their own. */
export function gatherClasses(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').map((name) => name.trim())]
}

export function readLines(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a number, or all.')
}

/** A duration counts back from now; a time without a zone is local, as the user's clock shows it. */
export function readSince(text: string): number {
  const duration = durationWithin({ min: 1, max: century_ms })(text)
  if (duration.ok) return (Date.now() - duration.value) * 1_000
  const is_time = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/
  // A day alone would be read as UTC, unlike one with a time.
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text.replace(' ', 'T')
  const time_ms = is_time.test(text) ? Date.parse(time) : Number.NaN
  if (!Number.isNaN(time_ms)) return time_ms * 1_000
  throw new InvalidArgumentError(
    'Write a duration (90s, 15m, 1h, 2d) or a time (2026-11-21T22:06, 2026-11-21T22:06:01Z).',
  )
}

export function tailOptions(directory: string | undefined, given: TailCommandFlags): TailOptions {
  const { config, class: class_, user, object, failed, since, lines, output } = given
  const all = since === undefined ? default_lines : Number.POSITIVE_INFINITY
  return {
    ...(directory === undefined ? {} : { directory }),
    ...(config === undefined ? {} : { config }),
    filter: {
      ...(class_ === undefined ? {} : { class: class_ }),
      ...(user === undefined ? {} : { user }),
      ...(object === undefined ? {} : { object }),
      failed: failed === true,
      ...(since === undefined ? {} : { since_us: since }),
    },
    format: output,
    lines: lines ?? all,
    follow: given.follow,
    colour: given.color,
  }
}
