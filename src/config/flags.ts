import type { ConfigIssue } from './config-error.js'
import type { Override } from './environment.js'
import { maskSecrets } from './secrets.js'

/** The flags of the command line that stand for keys of the file, as they were typed. */
export interface ConfigFlags {
  readonly listen?: string
  readonly upstream?: string
  readonly audit_directory?: string
  readonly format?: string
}

/** What flags say, with what is wrong in them. */
export interface FlagsRead {
  readonly overrides: readonly Override[]
  readonly issues: readonly ConfigIssue[]
}

/** Turns flags into overrides of keys. */
export function readFlags(flags: ConfigFlags): FlagsRead {
  const parts: FlagsRead[] = []
  if (flags.listen !== undefined) parts.push(readListen(flags.listen))
  if (flags.upstream !== undefined) parts.push(readUpstream(flags.upstream))
  if (flags.audit_directory !== undefined) {
    parts.push(one(['audit', 'directory'], flags.audit_directory, '--audit-dir'))
  }
  if (flags.format !== undefined) parts.push(one(['audit', 'format'], flags.format, '--format'))
  return {
    overrides: parts.flatMap((part) => part.overrides),
    issues: parts.flatMap((part) => part.issues),
  }
}

function one(path: readonly string[], value: unknown, source: string): FlagsRead {
  return { overrides: [{ path, value, source }], issues: [] }
}

function refusedFlag(
  flag: string,
  value: string,
  reason: string,
  hint: string,
  code: ConfigIssue['code'] = 'config.invalid',
): FlagsRead {
  const issue = { code, path: flag, value: JSON.stringify(maskSecrets(value)), reason, hint }
  return { overrides: [], issues: [issue] }
}

/** `HOST:PORT`, `[::1]:7432`, `/socket/directory:7432`. */
function readListen(text: string): FlagsRead {
  const match = /^(?:\[([^\]]+)\]|([^:]+|\/.*)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (match === null || host === undefined) {
    const hint = 'Write HOST:PORT: 127.0.0.1:7432, 0.0.0.0:7432, [::1]:7432.'
    return refusedFlag('--listen', text, 'is not HOST:PORT', hint)
  }
  const source = '--listen'
  return {
    overrides: [
      { path: ['listen', 'host'], value: host, source },
      { path: ['listen', 'port'], value: Number(match[3]), source },
    ],
    issues: [],
  }
}

const upstream_hint =
  'Write postgres://HOST:PORT, with ?sslmode=… when needed; a socket directory as postgres://%2Frun%2Fpostgresql.'

/** `postgres://host:port?sslmode=…`: the server alone; users and databases come with clients. */
function readUpstream(text: string): FlagsRead {
  const flag = '--upstream'
  if (/:\/\/\S*:\S*@|\bpassword\s*=/i.test(text)) {
    const hint = 'Applications bring their own; for the side connection use catalog.password_file.'
    return refusedFlag(flag, text, 'contains a password', hint, 'config.secret_on_command_line')
  }
  const url = /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return refusedFlag(flag, text, 'is not a postgres:// URL', upstream_hint)
  if (url.username !== '') {
    const hint = 'Leave it out: applications log in with their own users.'
    return refusedFlag(flag, text, 'contains a user', hint)
  }
  if (url.pathname !== '' && url.pathname !== '/') {
    const hint = 'Leave it out: applications choose their databases.'
    return refusedFlag(flag, text, 'contains a database', hint)
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'sslmode') {
      const hint = `Only sslmode is read here: ${upstream_hint}`
      return refusedFlag(flag, text, `contains the parameter ${name}`, hint)
    }
  }
  return { overrides: upstreamOverrides(url, flag), issues: [] }
}

function upstreamOverrides(url: URL, source: string): readonly Override[] {
  // A URL without a port means PostgreSQL's own, not that of the file.
  const port = url.port === '' ? 5432 : Number(url.port)
  const overrides: Override[] = [{ path: ['upstream', 'port'], value: port, source }]
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (host !== '') overrides.push({ path: ['upstream', 'host'], value: decoded(host), source })
  const ssl_mode = url.searchParams.get('sslmode')
  if (ssl_mode !== null) {
    overrides.push({ path: ['upstream', 'tls', 'mode'], value: ssl_mode, source })
  }
  return overrides
}

/** What is not percent-encoded UTF-8 stays: the reader of hosts refuses it in its own words. */
function decoded(host: string): string {
  try {
    return decodeURIComponent(host)
  } catch {
    return host
  }
}
