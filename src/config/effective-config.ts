import type { Config } from './config.js'
import { formatDuration, formatMode, formatSize } from './units.js'

/** A printable value: what YAML and JSON can hold. */
export type Printable =
  | string
  | number
  | boolean
  | readonly Printable[]
  | { readonly [key: string]: Printable }

/**
 * The configuration as the file would say it, every key present, in the file's units: for `check`
 * and for the `audit.start` record. Without secrets, and without keys that this version has but
 * does not implement. Loading the result gives the same configuration again.
 */
export function effectiveConfig(config: Config): { readonly [key: string]: Printable } {
  return printedMap(config, [])
}

function printedMap(map: object, path: readonly string[]): { readonly [key: string]: Printable } {
  const printed: Record<string, Printable> = {}
  for (const [name, value] of Object.entries(map)) {
    const entry = printedEntry(name, value, path)
    if (entry !== undefined) printed[entry.key] = entry.value
  }
  return printed
}

/** One member of the contract's names, back in the file's; undefined for what is left out. */
function printedEntry(
  name: string,
  value: unknown,
  path: readonly string[],
): { readonly key: string; readonly value: Printable } | undefined {
  const key = name.replace(/_(?:ms|bytes)$/, '')
  const key_path = [...path, key]
  if (value === undefined || name === 'password') return undefined
  if (typeof value !== 'number') {
    const printed = printedValue(value, key_path)
    const is_empty = isMap(printed) && Object.keys(printed).length === 0
    return is_empty ? undefined : { key, value: printed }
  }
  if (name.endsWith('_ms')) return { key, value: zeroOr(value, formatDuration) }
  if (name.endsWith('_bytes')) return { key, value: zeroOr(value, formatSize) }
  if (name.endsWith('_mode')) return { key, value: formatMode(value) }
  return { key, value }
}

function zeroOr(value: number, format: (value: number) => string): Printable {
  return value === 0 ? 0 : format(value)
}

function printedValue(value: unknown, path: readonly string[]): Printable {
  if (Array.isArray(value)) return value.map((item) => printedValue(item, path))
  if (typeof value === 'object' && value !== null) return printedMap(value, path)
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return String(value)
}

function isMap(value: Printable): boolean {
  return typeof value === 'object' && !Array.isArray(value)
}
