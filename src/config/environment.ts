import type { ConfigIssue } from './config-error.js'
import { type FieldEntry, fieldsOf } from './fields.js'
import { config_schema } from './schema.js'
import { suggest } from './suggest.js'
import { readYaml } from './yaml-text.js'

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A value from outside of the file that takes precedence over it. */
export interface Override {
  readonly path: readonly string[]
  readonly value: unknown
  /** The variable or the flag. */
  readonly source: string
}

/** Variables that are not keys of the file. */
export const special_variables = {
  PGWITNESS_CONFIG: 'Path of the configuration file, when --config is not given.',
} as const

const prefix = 'PGWITNESS_'

/** The variable of a key: `audit.flush.interval` is `PGWITNESS_AUDIT_FLUSH_INTERVAL`. */
export function variableName(path: readonly string[]): string {
  return prefix + path.join('_').toUpperCase()
}

/** Takes the overrides out of the environment, with what is wrong in it. */
export function readEnvironment(env: Environment): {
  readonly overrides: readonly Override[]
  readonly issues: readonly ConfigIssue[]
} {
  const fields = new Map(fieldsOf(config_schema).map((entry) => [variableName(entry.path), entry]))
  const overrides: Override[] = []
  const issues: ConfigIssue[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || text === undefined) continue
    if (Object.hasOwn(special_variables, name) || isServiceLink(name, text)) continue
    const entry = fields.get(name)
    if (entry === undefined) issues.push(unknownVariable(name, [...fields.keys()]))
    else if (text.trim() === '') issues.push(emptyVariable(name))
    else addOverride(entry, name, text, overrides, issues)
  }
  return { overrides, issues }
}

function addOverride(
  entry: FieldEntry,
  name: string,
  text: string,
  overrides: Override[],
  issues: ConfigIssue[],
): void {
  const value = convertedValue(entry, name, text)
  if (value.issues.length > 0) issues.push(...value.issues)
  else overrides.push({ path: entry.path, value: value.value, source: name })
}

/** What cannot be converted stays text, so that the reader of the field words the error. */
function convertedValue(
  entry: FieldEntry,
  name: string,
  text: string,
): { readonly value: unknown; readonly issues: readonly ConfigIssue[] } {
  const kind = entry.info.kind
  switch (kind) {
    case 'text':
      return { value: text, issues: [] }
    case 'number':
      return { value: /^\d{1,15}$/.test(text) ? Number(text) : text, issues: [] }
    case 'boolean':
      return { value: text === 'true' ? true : text === 'false' ? false : text, issues: [] }
    case 'list':
      return { value: text.split(',').map((item) => item.trim()), issues: [] }
    case 'yaml': {
      const yaml = readYaml(text, name)
      return 'value' in yaml
        ? { value: yaml.value, issues: [] }
        : { value: undefined, issues: yaml }
    }
    default:
      return kind satisfies never
  }
}

function unknownVariable(name: string, names: readonly string[]): ConfigIssue {
  const near = suggest(name, [...names, ...Object.keys(special_variables)])
  const is_password = name === `${prefix}CATALOG_PASSWORD`
  return {
    code: 'config.unknown_key',
    path: name,
    reason: 'no such variable',
    hint: is_password
      ? 'Use PGPASSWORD, or catalog.password_file.'
      : near === undefined
        ? 'Unset it; docs/configuration.md lists the names.'
        : `Did you mean ${near}?`,
  }
}

function emptyVariable(name: string): ConfigIssue {
  return {
    code: 'config.invalid',
    path: name,
    value: '""',
    reason: 'is set but empty',
    hint: 'Unset the variable to use the file’s value or the default.',
  }
}

/**
 * Kubernetes and linked containers describe a service named `pgwitness` (or `pgwitness-…`) to
 * every container by variables with our prefix. They are nobody's typing errors.
 */
function isServiceLink(name: string, value: string): boolean {
  if (/^PGWITNESS_(\w+_)?SERVICE_(HOST|PORT(_\w+)?)$/.test(name)) return true
  if (/^PGWITNESS_(\w+_)?PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true
  return /^PGWITNESS_(\w+_)?PORT$/.test(name) && /^(tcp|udp):\/\//.test(value)
}
