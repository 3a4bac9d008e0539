import { limits } from '../lib/limits.js'
import type { ClientEndpoint } from '../proxy/tap.js'
import type { SessionPart } from '../record/audit-record.js'
import type { SessionState } from '../session/session-state.js'
import { redactValue } from '../sql/redact-value.js'
import { type ReplicationMode, replicationMode } from '../wire/replication-mode.js'

/**
 * Who a session is. `part` is one object until something changes, so that its rendered form can
 * be kept beside it.
 */
export class SessionIdentity {
  readonly endpoint: ClientEndpoint
  startup_parameters: ReadonlyMap<string, string> = new Map()
  replication: ReplicationMode | undefined
  /** True when the client proved itself by a certificate that we verified. */
  certificate = false
  #part: SessionPart

  constructor(id: number, endpoint: ClientEndpoint) {
    this.endpoint = endpoint
    this.#part = {
      id,
      client_ip: endpoint.address,
      ...(endpoint.port === undefined ? {} : { client_port: endpoint.port }),
    }
  }

  get part(): SessionPart {
    return this.#part
  }

  setTls(protocol: string, certificate: boolean): void {
    this.certificate = certificate
    this.#part = { ...this.#part, tls: protocol }
  }

  setStartup(parameters: ReadonlyMap<string, string>, server: string): void {
    this.startup_parameters = parameters
    const user = identifier(parameters.get('user') ?? '')
    this.replication = replicationMode(parameters.get('replication'))
    // The server takes the user's name where no database is named, and for physical replication
    // none at all, whatever is named.
    const database = identifier(parameters.get('database') ?? '') || user
    this.#part = {
      ...this.#part,
      user,
      ...(this.replication === 'physical' ? {} : { database }),
      application: redactValue(parameters.get('application_name') ?? ''),
      server,
    }
  }

  setPid(pid: number): void {
    this.#part = { ...this.#part, pid }
  }

  setAuthentication(auth: string): void {
    this.#part = { ...this.#part, auth }
  }

  setApplication(application: string): void {
    const shown = redactValue(application)
    if (this.#part.application !== shown) this.#part = { ...this.#part, application: shown }
  }

  /** Shows the role of SET ROLE (or SET SESSION AUTHORIZATION) where it differs from the login. */
  setRole(current_user: string, state: SessionState | undefined): void {
    const role = current_user === this.#part.user ? undefined : current_user
    const user_info = state?.settings.get('pgwitness.user_info')?.join(', ')
    if (role === this.#part.role && user_info === this.#part.user_info) return
    const { role: _role, user_info: _user_info, ...rest } = this.#part
    this.#part = {
      ...rest,
      ...(role === undefined ? {} : { role }),
      ...(user_info === undefined ? {} : { user_info }),
    }
  }
}

/**
 * A longer name logs in as the one that it is cut to: it must not pass by a rule on that one.
 * Source: src/backend/tcop/backend_startup.c and src/backend/utils/cache/catcache.c.
 */
function identifier(written: string): string {
  // A whole address may have been given as the database.
  const name = redactValue(written)
  if (name.length <= limits.identifier_bytes / 4) return name
  const bytes = Buffer.from(name)
  if (bytes.length <= limits.identifier_bytes) return name
  return bytes.toString('utf8', 0, limits.identifier_bytes)
}
