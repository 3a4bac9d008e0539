import { z } from 'zod'
import type { ConfigIssue } from './config-error.js'
import { isSecretName, printable } from './secrets.js'
import { suggest } from './suggest.js'
import { formatPath, type Tree, type TreePath, valueAt } from './tree.js'

/** Words zod's findings for people: path, value, reason and hint for each. */
export function issuesOf(
  issues: readonly z.core.$ZodIssue[],
  raw: Tree,
  schema: z.core.$ZodType,
): readonly ConfigIssue[] {
  return issues.flatMap((issue) => {
    const path = pathInFile(issue.path, raw)
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey(path, key, knownKeys(schema, path)))
    }
    return [
      {
        path: formatPath(path),
        ...valuePart(valueAt(raw, path), path),
        ...wording(issue, path, raw),
      },
    ]
  })
}

/** Takes out the indexes of lists that the file wrote as one item alone. */
function pathInFile(path: readonly PropertyKey[], raw: Tree): TreePath {
  const result: (string | number)[] = []
  for (const step of path) {
    if (typeof step === 'symbol') continue
    if (typeof step === 'number' && !Array.isArray(valueAt(raw, result))) continue
    result.push(step)
  }
  return result
}

function valuePart(value: unknown, path: TreePath): { readonly value?: string } {
  const name = path.at(-1)
  const printed = printable(value)
  if (printed === undefined || (typeof name === 'string' && isSecretName(name))) return {}
  return { value: printed }
}

function wording(
  issue: z.core.$ZodIssue,
  path: TreePath,
  raw: Tree,
): Pick<ConfigIssue, 'code' | 'reason' | 'hint'> {
  const code = 'config.invalid'
  if (issue.code === 'custom') {
    const hint = issue.params?.['hint']
    return { code, reason: issue.message, hint: typeof hint === 'string' ? hint : '' }
  }
  const is_list = issue.code === 'invalid_type' && issue.expected === 'array'
  if (valueAt(raw, path) === null) {
    const hint = is_list
      ? 'Leave the key out to record everything, or write [] to record object_audit alone.'
      : 'Write its keys below it, indented, or leave the key out.'
    return { code, reason: 'is empty', hint }
  }
  if (is_list) {
    return {
      code,
      reason: 'is not a list',
      hint: 'Begin each item on a line of its own with "- ".',
    }
  }
  return { code, reason: 'is not a block of keys', hint: 'Write `key: value` lines below it.' }
}

/** The value of an unknown key is not shown: it may be a secret in the wrong place. */
function unknownKey(path: TreePath, key: string, known: readonly string[]): ConfigIssue {
  const near = suggest(key, known)
  const list = `Known here: ${known.join(', ')}.`
  const is_password = isSecretName(key) && known.includes('password_file')
  return {
    code: 'config.unknown_key',
    path: formatPath([...path, key]),
    reason: 'no such key',
    hint: is_password
      ? 'Secrets do not belong into this file: use password_file or PGPASSWORD.'
      : near === undefined
        ? list
        : `Did you mean ${near}? ${list}`,
  }
}

/** The keys that the schema knows at a path of the file. */
function knownKeys(schema: z.core.$ZodType, path: TreePath): readonly string[] {
  let inner: z.core.$ZodType = schema
  for (const step of path) inner = stepInto(opened(inner), step)
  const last = opened(inner)
  return last instanceof z.ZodObject ? Object.keys(last.shape) : []
}

function stepInto(schema: z.core.$ZodType, step: string | number): z.core.$ZodType {
  if (schema instanceof z.ZodObject && typeof step === 'string') {
    const child: z.core.$ZodType | undefined = schema.shape[step]
    return child ?? schema
  }
  return schema instanceof z.ZodArray ? schema.element : schema
}

/** Takes off defaults, options and pipes; a list of one written alone counts as its item. */
function opened(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema
  for (;;) {
    if (inner instanceof z.ZodPrefault || inner instanceof z.ZodExactOptional) {
      inner = inner.def.innerType
    } else if (inner instanceof z.ZodPipe && inner.def.out instanceof z.ZodArray) {
      inner = inner.def.out.element
    } else {
      return inner
    }
  }
}

/** Adds to each issue where its value was written. */
export function withSources(
  issues: readonly ConfigIssue[],
  sourceOf: (path: string) => string | undefined,
): readonly ConfigIssue[] {
  return issues.map((issue) => {
    const source = issue.source ?? sourceOf(issue.path)
    return source === undefined ? issue : { ...issue, source }
  })
}
