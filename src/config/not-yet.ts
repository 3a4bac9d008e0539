import type { ConfigIssue } from './config-error.js'
import { printable } from './secrets.js'
import { formatPath, type Tree, valueAt } from './tree.js'

/** A key or a value that the format has but this version does not implement. */
export interface NotYet {
  readonly path: readonly string[]
  /** The refused values; without it every value is refused and the key has no effect at all. */
  readonly values?: readonly unknown[]
  readonly hint: string
}

/**
 * Keys and values of the format that a later version implements. They are refused rather than
 * taken without effect; an entry goes away with its implementation.
 */
export const not_yet: readonly NotYet[] = []

/** What the input asks for that this version cannot do. */
export function notYetIssues(raw: Tree): readonly ConfigIssue[] {
  return not_yet.flatMap(({ path, values, hint }): ConfigIssue[] => {
    const value = valueAt(raw, path)
    if (value === undefined || (values !== undefined && !values.includes(value))) return []
    const printed = printable(value)
    return [
      {
        code: 'config.not_in_this_version',
        path: formatPath(path),
        ...(printed === undefined ? {} : { value: printed }),
        reason: 'is not implemented in this version of pgwitness',
        hint,
      },
    ]
  })
}

/** True for a key without any effect in this version. */
export function isWhollyNotYet(path: readonly string[]): boolean {
  const name = formatPath(path)
  return not_yet.some((entry) => entry.values === undefined && formatPath(entry.path) === name)
}
