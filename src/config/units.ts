import { accepted, type Parse, type Parsed, refused } from './parsed.js'

const duration_units_ms = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const size_units_bytes = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

const duration_hint = 'Write a whole number and a unit, without a blank: 250ms, 10s, 5m, 2h or 1d.'
const size_hint = 'Write a whole number and a unit, without a blank: 64KiB, 100MiB, 1GiB or 1TiB.'
const mode_hint =
  'Write the mode as a quoted octal string such as "0600": a bare 0600 is the number 600 in YAML 1.2 and octal in YAML 1.1.'

/** What a duration or a size may be, in milliseconds or bytes. */
export interface Bounds {
  readonly min: number
  readonly max: number
  /** What `0` means here (`never`, `at once`); without it zero is refused. */
  readonly zero?: string
}

/** Reads `250ms`, `10s`, `5m`, `2h`, `1d` (and `0` where it has a meaning) as milliseconds. */
export function durationWithin(bounds: Bounds): Parse<number> {
  return (input) =>
    withUnit(input, 'duration', duration_units_ms, duration_hint, bounds, formatDuration)
}

/** Reads `64KiB`, `100MiB`, `1GiB`, `1TiB` (and `0` where it has a meaning) as bytes. */
export function sizeWithin(bounds: Bounds): Parse<number> {
  return (input) => withUnit(input, 'size', size_units_bytes, size_hint, bounds, formatSize)
}

function withUnit(
  input: unknown,
  noun: string,
  units: Readonly<Record<string, number>>,
  hint: string,
  bounds: Bounds,
  format: (value: number) => string,
): Parsed<number> {
  if (input === 0 || input === '0') {
    if (bounds.zero !== undefined) return accepted(0)
    return refused(`may not be 0: the smallest ${noun} here is ${format(bounds.min)}`, hint)
  }
  if (typeof input === 'number') return refused('has no unit', hint)
  if (typeof input !== 'string') return refused(`is not a ${noun}`, hint)
  if (/^\d+$/.test(input)) return refused('has no unit', hint)
  const match = /^(\d{1,15})([A-Za-z]+)$/.exec(input)
  const unit = units[match?.[2] ?? '']
  if (match === null || unit === undefined) return refused(`is not a ${noun}`, hint)
  const value = Number(match[1]) * unit
  if (value === 0 && bounds.zero !== undefined) return accepted(0)
  if (value < bounds.min || value > bounds.max) {
    const range = `${format(bounds.min)} to ${format(bounds.max)}`
    const zero = bounds.zero === undefined ? '' : `, or 0: ${bounds.zero}`
    return refused('is out of range', `Choose a ${noun} from ${range}${zero}.`)
  }
  return accepted(value)
}

/** Reads a file mode such as `"0600"`: a string of three or four octal digits. */
export function parseMode(input: unknown): Parsed<number> {
  if (typeof input === 'number') return refused('is a number, not a quoted octal string', mode_hint)
  if (typeof input !== 'string' || !/^[0-7]{3,4}$/.test(input)) {
    return refused('is not a file mode', mode_hint)
  }
  const mode = Number.parseInt(input, 8)
  if (mode > 0o777) {
    return refused('sets more than permissions', 'Write three digits after the 0, such as "0640".')
  }
  return accepted(mode)
}

/** Writes milliseconds in the largest unit that holds them exactly: `90000` is `90s`. */
export function formatDuration(duration_ms: number): string {
  return inLargestUnit(duration_ms, duration_units_ms)
}

/** Writes bytes in the largest unit that holds them exactly; less than that, as plain bytes. */
export function formatSize(size_bytes: number): string {
  return inLargestUnit(size_bytes, size_units_bytes)
}

/** Writes a mode as it stands in the file: `0o600` is `0600`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  if (value === 0) return '0'
  for (const [name, factor] of Object.entries(units).reverse()) {
    if (value % factor === 0) return `${value / factor}${name}`
  }
  return String(value)
}
