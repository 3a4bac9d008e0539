import { renderNumeric } from './render-numeric.js'

/**
 * Values of a Bind as a record shows them. Text format is shown as it is; binary format is decoded
 * for the common types, else `\x…`. NULL stays null, apart from ''.
 * Source of the binary formats: the `*recv` and `*send` functions in src/backend/utils/adt.
 */

/** Microseconds between 1970 and 2000, PostgreSQL's epoch. */
const postgres_epoch_us = 946_684_800_000_000n
const microseconds_per_day = 86_400_000_000n

type Decoder = (value: Buffer) => string | undefined

/** By type OID. Source: src/include/catalog/pg_type.dat. */
const decoders: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [16, (value) => (value.length === 1 ? (value[0] === 0 ? 'false' : 'true') : undefined)],
  [17, (value) => `\\x${value.toString('hex')}`],
  [18, text],
  [19, text],
  [20, (value) => (value.length === 8 ? value.readBigInt64BE().toString() : undefined)],
  [21, (value) => (value.length === 2 ? value.readInt16BE().toString() : undefined)],
  [23, (value) => (value.length === 4 ? value.readInt32BE().toString() : undefined)],
  [25, text],
  [26, (value) => (value.length === 4 ? value.readUInt32BE().toString() : undefined)],
  [114, text],
  [700, (value) => (value.length === 4 ? float(value.readFloatBE(), 9) : undefined)],
  [701, (value) => (value.length === 8 ? float(value.readDoubleBE(), 17) : undefined)],
  [1042, text],
  [1043, text],
  [1082, date],
  [1114, (value) => timestamp(value, '')],
  [1184, (value) => timestamp(value, '+00')],
  [1700, renderNumeric],
  [2950, uuid],
  // jsonb carries a version byte, 1 so far.
  [3802, (value) => (value[0] === 1 ? value.toString('utf8', 1) : undefined)],
])

/**
 * Renders bound values. `formats` is as in Bind: none means text for all, one is for all, else one
 * each. `types` are type OIDs, 0 or absent where nobody said. Never throws.
 */
export function renderParameters(
  values: readonly (Buffer | null)[],
  formats: readonly number[],
  types: readonly number[],
): readonly (string | null)[] {
  return values.map((value, index) => {
    if (value === null) return null
    const format = formats.length === 1 ? formats[0] : (formats[index] ?? 0)
    if (format === 0) return value.toString('utf8')
    const decoder = decoders.get(types[index] ?? 0)
    return decoder?.(value) ?? `\\x${value.toString('hex')}`
  })
}

function text(value: Buffer): string {
  return value.toString('utf8')
}

function float(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  return Number(value.toPrecision(digits)).toString()
}

function uuid(value: Buffer): string | undefined {
  if (value.length !== 16) return undefined
  const hex = value.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function date(value: Buffer): string | undefined {
  if (value.length !== 4) return undefined
  const days = value.readInt32BE()
  if (days === 0x7fffffff) return 'infinity'
  if (days === -0x80000000) return '-infinity'
  return isoDate(BigInt(days) * microseconds_per_day + postgres_epoch_us)?.slice(0, 10)
}

function timestamp(value: Buffer, suffix: string): string | undefined {
  if (value.length !== 8) return undefined
  const since_2000_us = value.readBigInt64BE()
  if (since_2000_us === 0x7fffffffffffffffn) return 'infinity'
  if (since_2000_us === -0x8000000000000000n) return '-infinity'
  const iso = isoDate(since_2000_us + postgres_epoch_us)
  return iso === undefined ? undefined : `${iso}${suffix}`
}

/** `2026-11-21 22:06:01.123456`; undefined outside the years 1 to 9999. */
function isoDate(since_1970_us: bigint): string | undefined {
  const fraction_us = ((since_1970_us % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = (since_1970_us - fraction_us) / 1_000_000n
  const moment = new Date(Number(seconds) * 1000)
  const year = moment.getUTCFullYear()
  if (Number.isNaN(year) || year < 1 || year > 9999) return undefined
  const head = moment.toISOString().slice(0, 19).replace('T', ' ')
  return fraction_us === 0n ? head : `${head}.${fraction_us.toString().padStart(6, '0')}`
}
