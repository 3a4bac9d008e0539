import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { crossChecks } from './checks.js'
import type { Config } from './config.js'
import { ConfigError, type ConfigIssue } from './config-error.js'
import { type Environment, type Override, readEnvironment } from './environment.js'
import { type ConfigFlags, readFlags } from './flags.js'
import { issuesOf, withSources } from './issues.js'
import { normalise } from './normalise.js'
import { catalogPassword } from './password.js'
import { referencedFileIssues } from './referenced-files.js'
import { config_schema } from './schema.js'
import { errorText, printable } from './secrets.js'
import { formatPath, isTree, setAt, type Tree, type TreePath, valueAt } from './tree.js'
import { readYaml, type YamlText } from './yaml-text.js'

const password_path = ['catalog', 'password_file'] as const

/** Where a configuration comes from; what comes later in this list takes precedence. */
export interface ConfigSources {
  /** Values in the form of the file, instead of a file: for the demo and for tests. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Path of the YAML file; PGWITNESS_CONFIG when absent, else no file at all. */
  readonly file?: string
  /** PGWITNESS_* variables, and PGPASSWORD for the catalog. */
  readonly env?: Environment
  readonly flags?: ConfigFlags
}

/**
 * Loads the configuration: flags over environment over file over defaults, deeply frozen.
 *
 * @throws ConfigError with everything that is wrong, at once; values of secrets are not in it.
 */
export function loadConfig(sources: ConfigSources): Config {
  const env = sources.env ?? {}
  const base = readBase(sources, env)
  const environment = readEnvironment(env)
  const flags = readFlags(sources.flags ?? {})
  const overrides = [...environment.overrides, ...flags.overrides]
  for (const override of overrides) setAt(base.raw, override.path, override.value)

  const issues = [...base.issues, ...environment.issues, ...flags.issues]
  const read = readTree(base.raw, env)
  if (read.config !== undefined && issues.length === 0) return deepFreeze(read.config)
  throw new ConfigError([...issues, ...withSources(read.issues, sourceFinder(base, overrides))])
}

interface Base {
  readonly raw: Tree
  readonly issues: readonly ConfigIssue[]
  readonly file?: string
  readonly yaml?: YamlText
}

/** The input under the overrides: of the file, or given. */
function readBase(sources: ConfigSources, env: Environment): Base {
  if (sources.settings !== undefined) return { raw: structuredClone(sources.settings), issues: [] }
  const file = sources.file ?? env['PGWITNESS_CONFIG']
  if (file === undefined) return { raw: {}, issues: [] }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const hint = 'Check that the file exists and that this user may read it.'
    const reason = `cannot be read: ${errorText(error)}`
    return { raw: {}, issues: [{ code: 'config.unreadable', path: file, reason, hint }] }
  }
  const yaml = readYaml(text, file)
  if (!('value' in yaml)) return { raw: {}, issues: yaml }
  // A file of comments alone is an empty configuration, not an error.
  const raw = yaml.value ?? {}
  if (isTree(raw)) return { raw, issues: [], file, yaml }
  const hint = 'Write `key: value` lines, as in config/pgwitness.example.yaml.'
  return {
    raw: {},
    issues: [{ code: 'config.invalid', path: file, reason: 'is not a map of keys', hint }],
  }
}

function readTree(
  raw: Tree,
  env: Environment,
): { readonly config?: Config; readonly issues: readonly ConfigIssue[] } {
  const parsed = config_schema.safeParse(raw)
  const found = parsed.success ? [] : issuesOf(parsed.error.issues, raw, config_schema)
  const issues = [...found, ...crossChecks(raw)]
  issues.push(...referencedFileIssues(raw))
  const password_file = valueAt(raw, password_path)
  const password = catalogPassword(
    typeof password_file === 'string' ? password_file : undefined,
    env,
  )
  if (!password.ok) {
    const { reason, hint } = password
    const value = printable(password_file) ?? ''
    issues.push({ code: 'config.invalid', path: formatPath(password_path), value, reason, hint })
  }
  if (!parsed.success || !password.ok || issues.length > 0) return { issues }
  const surroundings = { host_name: hostname(), password: password.value }
  return { config: normalise(parsed.data, surroundings), issues }
}

/** Tells of a path whether a flag, a variable or a line of the file wrote it. */
function sourceFinder(base: Base, overrides: readonly Override[]) {
  const by_path = new Map(overrides.map(({ path, source }) => [formatPath(path), source]))
  return (path: string): string | undefined => {
    for (const [overridden, source] of by_path) {
      if (path === overridden || path.startsWith(`${overridden}[`)) return source
    }
    const line = lineNear(base.yaml, parsePath(path))
    return line === undefined ? base.file : `${base.file}:${line}`
  }
}

/** The line of the value, or of the nearest block around a key that is not there. */
function lineNear(yaml: YamlText | undefined, path: TreePath): number | undefined {
  for (let length = path.length; length > 0 && yaml !== undefined; length--) {
    const line = yaml.lineOf(path.slice(0, length))
    if (line !== undefined) return line
  }
  return undefined
}

/** The inverse of `formatPath`; a key with a dot in it finds the block around it, which is near. */
function parsePath(path: string): TreePath {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map((match) =>
    match[1] === undefined ? match[0] : Number(match[1]),
  )
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
