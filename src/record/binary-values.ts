import { binaryNumeric, shortestFloat } from './binary-numbers.js'
import {
  binaryDate,
  binaryInterval,
  binaryTime,
  binaryTimestamp,
  binaryZonedTime,
} from './binary-times.js'

/**
 * Values in binary format as the server's own output functions would show them, with DateStyle ISO,
 * IntervalStyle postgres and TimeZone UTC; a boolean as `true` or `false`. Undefined for what is no
 * value of its type: it may have been cut. Source: the `*_recv`, `*_send` and `*_out` functions in
 * src/backend/utils/adt.
 */
type Decoder = (value: Buffer) => string | undefined

const text: Decoder = (value) => value.toString('utf8')

/** Of so many bytes alone. */
const sized =
  (bytes: number, decode: (value: Buffer) => string): Decoder =>
  (value) =>
    value.length === bytes ? decode(value) : undefined

/** By type OID. Source: src/include/catalog/pg_type.dat. */
const scalars: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [16, sized(1, (value) => (value[0] === 0 ? 'false' : 'true'))],
  [17, (value) => `\\x${value.toString('hex')}`],
  [18, text],
  [19, text],
  [20, sized(8, (value) => value.readBigInt64BE().toString())],
  [21, sized(2, (value) => value.readInt16BE().toString())],
  [23, sized(4, (value) => value.readInt32BE().toString())],
  [25, text],
  [26, sized(4, (value) => value.readUInt32BE().toString())],
  [28, sized(4, (value) => value.readUInt32BE().toString())],
  [114, text],
  [142, text],
  [700, sized(4, (value) => shortestFloat(value.readFloatBE(), 'float4'))],
  [701, sized(8, (value) => shortestFloat(value.readDoubleBE(), 'float8'))],
  [1042, text],
  [1043, text],
  [1082, sized(4, binaryDate)],
  [1083, sized(8, binaryTime)],
  [1114, sized(8, (value) => binaryTimestamp(value, ''))],
  [1184, sized(8, (value) => binaryTimestamp(value, '+00'))],
  [1186, sized(16, binaryInterval)],
  [1266, sized(12, binaryZonedTime)],
  [1700, binaryNumeric],
  [2950, sized(16, uuid)],
  // jsonb carries a version byte, 1 so far.
  [3802, (value) => (value[0] === 1 ? value.toString('utf8', 1) : undefined)],
])

/** Arrays of those types. */
const arrays: ReadonlySet<number> = new Set([
  ...[143, 199, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1011, 1014, 1015, 1016, 1021, 1022],
  ...[1028, 1115, 1182, 1183, 1185, 1187, 1231, 1270, 2951, 3807],
])

/** Shows a value of this type; undefined where the type is not known or the value is not of it. */
export function binaryValue(type: number, value: Buffer): string | undefined {
  if (arrays.has(type)) return binaryArray(value)
  return scalars.get(type)?.(value)
}

function uuid(value: Buffer): string {
  const hex = value.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const array_header_bytes = 12
const dimension_bytes = 8
/** MAXDIM in src/include/utils/array.h. */
const most_dimensions = 6
const bool_type = 16

/**
 * An array: dimensions, flag of NULLs, type of the elements; length and lower bound of each
 * dimension; the elements. Source: array_send and array_out in arrayfuncs.c.
 */
function binaryArray(value: Buffer): string | undefined {
  if (value.length < array_header_bytes) return undefined
  const dimensions = value.readInt32BE(0)
  if (dimensions === 0) return value.length === array_header_bytes ? '{}' : undefined
  let at = array_header_bytes + dimensions * dimension_bytes
  if (dimensions < 0 || dimensions > most_dimensions || at > value.length) return undefined
  const type = value.readUInt32BE(8)
  const lengths: number[] = []
  const bounds: number[] = []
  for (let each = array_header_bytes; each < at; each += dimension_bytes) {
    lengths.push(value.readInt32BE(each))
    bounds.push(value.readInt32BE(each + 4))
  }
  const count = lengths.reduce((product, length) => product * length, 1)
  const items: string[] = []
  // Each element has a length field at least, so that no length of a dimension can ask for more.
  while (items.length < count) {
    if (at + 4 > value.length) return undefined
    const length = value.readInt32BE(at)
    at += 4
    if (length > value.length - at) return undefined
    const element = length < 0 ? null : elementText(type, value.subarray(at, at + length))
    if (element === undefined) return undefined
    items.push(element === null ? 'NULL' : quoted(element))
    at += Math.max(length, 0)
  }
  if (at !== value.length || items.length === 0) return undefined
  const prefix = bounds.some((bound) => bound !== 1)
    ? `${bounds.map((bound, index) => `[${bound}:${bound + (lengths[index] ?? 0) - 1}]`).join('')}=`
    : ''
  return prefix + nested(items, lengths)
}

function elementText(type: number, value: Buffer): string | undefined {
  const shown = scalars.get(type)?.(value)
  // The output function of a boolean, which arrays use, says `t` and `f`.
  return type === bool_type ? shown?.slice(0, 1) : shown
}

/** As array_out quotes: what is empty, NULL, or holds what has a meaning in an array. */
function quoted(element: string): string {
  const plain = element !== '' && !/["\\{},\s]/.test(element) && !/^null$/i.test(element)
  return plain ? element : `"${element.replace(/["\\]/g, '\\$&')}"`
}

/** Puts braces around the innermost rows first. */
function nested(items: readonly string[], lengths: readonly number[]): string {
  let rows = items
  for (const length of [...lengths].reverse()) {
    const grouped: string[] = []
    for (let from = 0; from < rows.length; from += length) {
      grouped.push(`{${rows.slice(from, from + length).join(',')}}`)
    }
    rows = grouped
  }
  return rows.join(',')
}
