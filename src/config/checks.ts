import type { ConfigIssue } from './config-error.js'
import { condition_schema } from './rule-schema.js'
import { printable } from './secrets.js'
import { formatPath, isTree, type Tree, type TreePath, valueAt } from './tree.js'
import { formatSize, sizeWithin } from './units.js'

/**
 * What one key alone cannot tell. These checks look at the raw input, since the schema gives
 * nothing when anything is wrong, and all that is wrong must be told at once.
 */
export function crossChecks(raw: Tree): readonly ConfigIssue[] {
  return [
    ...listenTls(raw),
    ...listenSocket(raw),
    ...socketPaths(raw),
    ...upstreamTls(raw),
    ...ruleNames(raw),
    ...emptyExceptions(raw),
    ...objectAudit(raw),
    ...unaudited(raw),
    ...queue(raw),
    ...loop(raw),
  ]
}

function issueAt(raw: Tree, path: TreePath, reason: string, hint: string): ConfigIssue {
  const value = printable(valueAt(raw, path))
  const part = value === undefined ? {} : { value }
  return { code: 'config.invalid', path: formatPath(path), ...part, reason, hint }
}

function listenTls(raw: Tree): readonly ConfigIssue[] {
  const tls: TreePath = ['listen', 'tls']
  const mode = valueAt(raw, [...tls, 'mode']) ?? 'disable'
  if (mode === 'allow' || mode === 'require') {
    return ['cert', 'key']
      .filter((name) => valueAt(raw, [...tls, name]) === undefined)
      .map((name) =>
        issueAt(raw, [...tls, name], 'is missing', `listen.tls.mode ${mode} needs cert and key.`),
      )
  }
  if (mode !== 'disable') return []
  return withoutEffect(raw, tls, ['cert', 'key', 'client_ca'], 'Set listen.tls.mode to require.')
}

/** Whoever comes by a Unix socket has no address that a list could name. */
function listenSocket(raw: Tree): readonly ConfigIssue[] {
  const path: TreePath = ['listen', 'proxy_protocol']
  const host = valueAt(raw, ['listen', 'host'])
  const is_socket = typeof host === 'string' && host.startsWith('/')
  if (!is_socket || valueAt(raw, path) === undefined) return []
  const hint = 'Let the load balancer connect by TCP, or leave it out.'
  return [issueAt(raw, path, 'has no effect on a Unix socket', hint)]
}

/** sun_path holds this many bytes and a NUL; Node cuts a longer path without a word. */
const socket_path_bytes = 107

function socketPaths(raw: Tree): readonly ConfigIssue[] {
  return (['listen', 'upstream'] as const).flatMap((side) => {
    const path: TreePath = [side, 'host']
    const host = valueAt(raw, path)
    if (typeof host !== 'string' || !host.startsWith('/')) return []
    const port = valueAt(raw, [side, 'port']) ?? (side === 'listen' ? 7432 : 5432)
    const bytes = Buffer.byteLength(`${host}/.s.PGSQL.${String(port)}`)
    if (bytes <= socket_path_bytes) return []
    const hint = `The socket's whole path may have ${socket_path_bytes} bytes: choose a shorter directory.`
    return [issueAt(raw, path, `makes a socket path of ${bytes} bytes`, hint)]
  })
}

function upstreamTls(raw: Tree): readonly ConfigIssue[] {
  const tls: TreePath = ['upstream', 'tls']
  const mode = valueAt(raw, [...tls, 'mode'])
  const [cert, key] = [valueAt(raw, [...tls, 'cert']), valueAt(raw, [...tls, 'key'])]
  const issues: ConfigIssue[] = []
  if (mode === 'disable') {
    issues.push(...withoutEffect(raw, tls, ['ca', 'cert', 'key'], 'Set upstream.tls.mode.'))
  } else if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert' : 'key'
    issues.push(
      issueAt(raw, [...tls, missing], 'is missing', 'Write both cert and key, or neither.'),
    )
  }
  if (
    (mode === 'verify-ca' || mode === 'verify-full') &&
    valueAt(raw, [...tls, 'ca']) === undefined
  ) {
    const hint = `upstream.tls.mode ${mode} needs the authorities to verify against.`
    issues.push(issueAt(raw, [...tls, 'ca'], 'is missing', hint))
  }
  return issues
}

function withoutEffect(
  raw: Tree,
  tls: TreePath,
  names: readonly string[],
  hint: string,
): readonly ConfigIssue[] {
  return names
    .filter((name) => valueAt(raw, [...tls, name]) !== undefined)
    .map((name) =>
      issueAt(
        raw,
        [...tls, name],
        'has no effect, since TLS is disabled',
        `${hint} Or leave it out.`,
      ),
    )
}

function ruleNames(raw: Tree): readonly ConfigIssue[] {
  const first_index = new Map<unknown, number>()
  return rulesOf(raw).flatMap((rule, index) => {
    const name = valueAt(rule, ['name'])
    if (name === undefined) return []
    const first = first_index.get(name)
    if (first === undefined) {
      first_index.set(name, index)
      return []
    }
    const hint = 'Records tell rules apart by name: give each its own.'
    return [issueAt(raw, ['rules', index, 'name'], `is the name of rules[${first}] too`, hint)]
  })
}

function emptyExceptions(raw: Tree): readonly ConfigIssue[] {
  const known = Object.keys(condition_schema.shape)
  return rulesOf(raw).flatMap((rule, index) => {
    const except = valueAt(rule, ['except'])
    const path: TreePath = ['rules', index, 'except']
    const entries: readonly unknown[] = Array.isArray(except) ? except : [except]
    return entries.flatMap((entry, position) => {
      if (!isTree(entry) || Object.keys(entry).length > 0) return []
      const hint = `It would except everything: name at least one of ${known.join(', ')}.`
      const entry_path = Array.isArray(except) ? [...path, position] : path
      return [issueAt(raw, entry_path, 'has no keys', hint)]
    })
  })
}

function rulesOf(raw: Tree): readonly unknown[] {
  const rules = raw['rules']
  return Array.isArray(rules) ? rules : []
}

function objectAudit(raw: Tree): readonly ConfigIssue[] {
  if (raw['object_audit'] === undefined || raw['catalog'] !== undefined) return []
  const hint = 'Grants are read over the side connection: add catalog.user.'
  return [issueAt(raw, ['object_audit'], 'needs the catalog block', hint)]
}

function unaudited(raw: Tree): readonly ConfigIssue[] {
  const path: TreePath = ['audit', 'on_failure']
  const is_accepted = valueAt(raw, ['audit', 'accept_unaudited']) === true
  if (valueAt(raw, path) !== 'continue' || is_accepted) return []
  const hint = 'Set audit.accept_unaudited: true if statements may go unrecorded.'
  return [issueAt(raw, path, 'serves without a trail', hint)]
}

function queue(raw: Tree): readonly ConfigIssue[] {
  const read = sizeWithin({ min: 1, max: Number.MAX_SAFE_INTEGER })
  const path: TreePath = ['audit', 'queue']
  const queue_size = read(valueAt(raw, path) ?? '64MiB')
  const flush_size = read(valueAt(raw, ['audit', 'flush', 'size']) ?? '256KiB')
  if (!queue_size.ok || !flush_size.ok || queue_size.value >= 4 * flush_size.value) return []
  const hint = `With this audit.flush.size it must be at least ${formatSize(4 * flush_size.value)}.`
  return [issueAt(raw, path, 'holds less than four writes', hint)]
}

/** A proxy that is its own server answers its own connections until nothing is left. */
function loop(raw: Tree): readonly ConfigIssue[] {
  const host = valueAt(raw, ['upstream', 'host']) ?? '127.0.0.1'
  const port = valueAt(raw, ['upstream', 'port']) ?? 5432
  const listens_there =
    host === (valueAt(raw, ['listen', 'host']) ?? '127.0.0.1') &&
    port === (valueAt(raw, ['listen', 'port']) ?? 7432)
  if (!listens_there) return []
  const hint = 'upstream is the PostgreSQL server; choose another listen.port.'
  return [issueAt(raw, ['upstream', 'port'], 'is where pgwitness itself listens', hint)]
}
