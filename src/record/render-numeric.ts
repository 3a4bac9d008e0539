import { limits } from '../lib/limits.js'

/** Digits to the base of 10,000, which is what the wire carries. */
const digit_base = 10_000
const decimals_per_digit = 4
/** ndigits, weight, sign and dscale, two bytes each, before the digits. */
const header_bytes = 8

/** Words of the values that are no number. Source: NUMERIC_NAN and its like in numeric.c. */
const special_values: ReadonlyMap<number, string> = new Map([
  [0xc000, 'NaN'],
  [0xd000, 'Infinity'],
  [0xf000, '-Infinity'],
])

/**
 * A numeric in binary format as the server would print it; undefined when the bytes are not one,
 * or stand for more digits than `limits.numeric_digits` on either side of the point.
 * Source: `numeric_recv` and `get_str_from_var` in src/backend/utils/adt/numeric.c.
 */
export function renderNumeric(value: Buffer): string | undefined {
  if (value.length < header_bytes) return undefined
  const digits = value.readUInt16BE(0)
  const weight = value.readInt16BE(2)
  const sign = value.readUInt16BE(4)
  const decimals = value.readUInt16BE(6)
  if (value.length !== header_bytes + 2 * digits) return undefined
  const special = special_values.get(sign)
  if (special !== undefined) return special
  if (sign !== 0 && sign !== 0x4000) return undefined
  const whole_digits = weight + 1
  if (whole_digits * decimals_per_digit > limits.numeric_digits) return undefined
  if (decimals > limits.numeric_digits) return undefined
  for (let at = header_bytes; at < value.length; at += 2) {
    if (value.readUInt16BE(at) >= digit_base) return undefined
  }
  const whole = digitsAsText(value, digits, 0, whole_digits).replace(/^0+(?=\d)/, '')
  const fraction_digits = Math.ceil(decimals / decimals_per_digit)
  const fraction = digitsAsText(value, digits, whole_digits, whole_digits + fraction_digits)
  const point = decimals === 0 ? '' : `.${fraction.slice(0, decimals)}`
  return `${sign === 0 ? '' : '-'}${whole === '' ? '0' : whole}${point}`
}

/** The digits from one place to before another, zeros where none were sent. */
function digitsAsText(value: Buffer, digits: number, from: number, to: number): string {
  let text = ''
  for (let place = from; place < to; place++) {
    const sent = place >= 0 && place < digits
    const digit = sent ? value.readUInt16BE(header_bytes + 2 * place) : 0
    text += digit.toString().padStart(decimals_per_digit, '0')
  }
  return text
}
