import { type FieldInfo, field, type JsonShape, listField } from './fields.js'
import { type Parse, refused } from './parsed.js'
import {
  type Bounds,
  durationWithin,
  formatDuration,
  formatSize,
  parseMode,
  sizeWithin,
} from './units.js'
import {
  integerWithin,
  oneOf,
  parseBoolean,
  parseHost,
  parsePath,
  parseText,
  portFrom,
} from './values.js'

/** What a field may say beyond its description. */
interface Extra {
  readonly example?: unknown
}

/** A field of text that `parse` reads; `accepts` says in words what it takes. */
export function textField<T>(
  parse: Parse<T>,
  description: string,
  extra: Extra & { readonly accepts?: string; readonly shape?: JsonShape } = {},
) {
  const info: FieldInfo = { description, kind: 'text', accepts: extra.accepts ?? 'text', ...extra }
  return field(parse, info, { type: 'string', ...extra.shape })
}

/** A duration with its unit, in milliseconds once read. */
export function duration(description: string, bounds: Bounds, extra: Extra = {}) {
  return field(
    durationWithin(bounds),
    { description, kind: 'text', accepts: `duration, ${range(bounds, formatDuration)}`, ...extra },
    { type: ['string', 'integer'], pattern: '^(0|\\d+(ms|s|m|h|d))$', ...zeroAlone(bounds) },
  )
}

/** A size with its unit, in bytes once read. */
export function size(description: string, bounds: Bounds, extra: Extra = {}) {
  return field(
    sizeWithin(bounds),
    { description, kind: 'text', accepts: `size, ${range(bounds, formatSize)}`, ...extra },
    { type: ['string', 'integer'], pattern: '^(0|\\d+(KiB|MiB|GiB|TiB))$', ...zeroAlone(bounds) },
  )
}

function range(bounds: Bounds, format: (value: number) => string): string {
  const zero = bounds.zero === undefined ? '' : `, or 0: ${bounds.zero}`
  return `${format(bounds.min)} to ${format(bounds.max)}${zero}`
}

/** The only bare number that a JSON Schema lets pass is the 0 that has a meaning. */
function zeroAlone(bounds: Bounds): JsonShape {
  return bounds.zero === undefined ? { type: 'string' } : { maximum: 0, minimum: 0 }
}

/** A file mode as a quoted octal string. */
export function mode(description: string) {
  return field(
    parseMode,
    { description, kind: 'text', accepts: 'quoted octal mode' },
    { type: 'string', pattern: '^0?[0-7]{3}$' },
  )
}

/** A host, address or socket directory. */
export function host(description: string, extra: Extra = {}) {
  return textField(parseHost, description, {
    accepts: 'address, host name or socket directory',
    ...extra,
  })
}

/** A TCP port; from 0 where any free port may be taken. */
export function port(description: string, min: 0 | 1, extra: Extra = {}) {
  const accepts = min === 0 ? 'port, or 0 for any free one' : 'port'
  return field(
    portFrom(min),
    { description, kind: 'number', accepts, ...extra },
    { type: 'integer', minimum: min, maximum: 65_535 },
  )
}

/** A path of a file or directory. */
export function path(description: string, extra: Extra = {}) {
  return textField(parsePath, description, { accepts: 'path', ...extra })
}

/** One line of text. */
export function text(description: string, extra: Extra = {}) {
  const required: Parse<string> = (input) =>
    input === undefined ? refused('is missing', 'This key must be set.') : parseText(input)
  return textField(required, description, extra)
}

/** A whole number. */
export function integer(description: string, min: number, max: number, extra: Extra = {}) {
  return field(
    integerWithin(min, max),
    { description, kind: 'number', accepts: `whole number, ${min} to ${max}`, ...extra },
    { type: 'integer', minimum: min, maximum: max },
  )
}

/** `true` or `false`. */
export function boolean(description: string) {
  return field(
    parseBoolean,
    { description, kind: 'boolean', accepts: 'true or false' },
    { type: 'boolean' },
  )
}

/** One of a few words. */
export function choice<const Word extends string>(description: string, words: readonly Word[]) {
  return field(
    oneOf(words),
    { description, kind: 'text', accepts: words.join(', ') },
    { type: 'string', enum: words },
  )
}

/** A key of a rule: a list of patterns, or one alone. */
export function patterns(
  parse: Parse<string>,
  description: string,
  accepts: string,
  example: unknown,
) {
  const info: FieldInfo = { description, kind: 'list', accepts: `list of ${accepts}`, example }
  return listField(parse, info, { item: { type: 'string' }, empty: false })
}
