import { limits } from '../lib/limits.js'

/** Numbers in binary format as PostgreSQL's output functions show them. */

/**
 * The shortest digits that give the same value again, in PostgreSQL's notation. Source: float4out
 * and float8out (float.c), with extra_float_digits at its default of 1.
 */
export function shortestFloat(value: number, type: 'float4' | 'float8'): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  if (size === 0) return `${sign}0`
  const [mantissa = '', power = '0'] = shortestExponential(size, type).split('e')
  const digits = mantissa.replace('.', '')
  const exponent = Number(power)
  // Where the shortest form turns to exponents: to_chars and df_to_chars in src/common.
  if (exponent < -4 || exponent >= (type === 'float4' ? 6 : 15)) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    const shown = Math.abs(exponent).toString().padStart(2, '0')
    return `${sign}${digits.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${shown}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  const fraction = digits.slice(exponent + 1)
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** Nine digits tell all values of single precision apart; seventeen those of double precision. */
function shortestExponential(size: number, type: 'float4' | 'float8'): string {
  // Without a number of digits this gives the fewest that are needed for a double.
  if (type === 'float8') return size.toExponential()
  for (let digits = 0; digits < 8; digits++) {
    const shown = size.toExponential(digits)
    if (Math.fround(Number(shown)) === size) return shown
  }
  return size.toExponential(8)
}

const numeric_header_bytes = 8
const digits_per_group = 4
const special_signs: ReadonlyMap<number, string> = new Map([
  [0xc000, 'NaN'],
  [0xd000, 'Infinity'],
  [0xf000, '-Infinity'],
])
/** NUMERIC_NEG in numeric.c. */
const negative = 0x4000
/** NBASE - 1 in numeric.c. */
const largest_group = 9_999

/**
 * numeric: count of groups, weight of the first, sign, digits behind the point; then groups of four
 * decimal digits. Source: numeric_send and get_str_from_var in numeric.c.
 */
export function binaryNumeric(value: Buffer): string | undefined {
  if (value.length < numeric_header_bytes) return undefined
  const count = value.readUInt16BE(0)
  const weight = value.readInt16BE(2)
  const sign = value.readUInt16BE(4)
  const scale = value.readUInt16BE(6)
  if (value.length !== numeric_header_bytes + count * 2) return undefined
  if (scale > limits.numeric_digits) return undefined
  const special = special_signs.get(sign)
  if (special !== undefined) return special
  if (sign !== 0 && sign !== negative) return undefined
  if ((weight + 1) * digits_per_group > limits.numeric_digits) return undefined
  for (let at = numeric_header_bytes; at < value.length; at += 2) {
    if (value.readUInt16BE(at) > largest_group) return undefined
  }
  /** The group of 10000^power; those that were not sent are zero. */
  const group = (power: number): string => {
    const index = weight - power
    const digits =
      index < 0 || index >= count ? 0 : value.readUInt16BE(numeric_header_bytes + index * 2)
    return digits.toString().padStart(digits_per_group, '0')
  }
  let whole = ''
  for (let power = weight; power >= 0; power--) whole += group(power)
  let fraction = ''
  for (let power = -1; fraction.length < scale; power--) fraction += group(power)
  const shown = whole.replace(/^0+(?=\d)/, '') || '0'
  const point = scale === 0 ? '' : `.${fraction.slice(0, scale)}`
  return `${sign === negative ? '-' : ''}${shown}${point}`
}
