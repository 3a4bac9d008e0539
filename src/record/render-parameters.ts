import { binaryValue } from './binary-values.js'

/**
 * Values of a Bind as a record shows them. Text format is shown as it is; binary format is decoded
 * for the common types, else `\\x…`. NULL stays null, apart from ''.
 */

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
    return binaryValue(types[index] ?? 0, value) ?? `\\x${value.toString('hex')}`
  })
}
