import type { ClientEndpoint, LoginVerdict } from '../proxy/tap.js'
import type { AuditRecord } from '../record/audit-record.js'
import type { SessionReport } from '../session/execution.js'
import { redactUnparsedText } from '../sql/redact-unparsed.js'
import { redactValue } from '../sql/redact-value.js'
import { redacted } from '../sql/secret-names.js'
import {
  decodeAuthentication,
  decodeErrorResponse,
  type ErrorFields,
} from '../wire/backend-messages.js'
import { backend } from '../wire/message-types.js'
import { authenticationSasl } from '../wire/originate.js'
import { decodeSaslChoice, type SaslChoice } from '../wire/sasl-choice.js'
import type { AuditorParts } from './auditor-parts.js'
import { binding_unoffered, certificates_differ } from './channel-binding.js'
import type { SessionIdentity } from './session-identity.js'

const message_header_bytes = 5
/**
 * How SQLSTATEs begin with which a session ends by no fault of the client's: at the operator's
 * wish (shutdown, idle session), and since records cannot be kept.
 */
const ends_without_fault = ['57', '58030', '08007'] as const

/**
 * The records of a connection itself: received, authorized, refused, disconnected, and the ends of
 * transactions; and the judgement on who is let in without any challenge.
 */
export class Login {
  readonly #identity: SessionIdentity
  readonly #parts: AuditorParts
  readonly #write: (record: AuditRecord) => void
  readonly #started_us: number
  #challenged = false
  /** The server's offer of SASL mechanisms, until it is answered. */
  #offered: readonly string[] = []
  #binding: SaslChoice['binding'] | undefined
  /** True from AuthenticationOk on. */
  #admitted = false
  #authorized = false
  #refused = false
  #fatal: ErrorFields | undefined
  /** The FATAL error with which the proxy itself ended the session. */
  #ended: Pick<ErrorFields, 'sqlstate' | 'message'> | undefined
  /** The last message of a statement that failed, and how its record shows it. */
  #hidden: { readonly message: string; readonly shown: string } | undefined
  finished = false
  upstream_tls: { readonly same_certificate: boolean } | undefined
  end_reason = ''

  constructor(
    identity: SessionIdentity,
    parts: AuditorParts,
    write: (record: AuditRecord) => void,
  ) {
    this.#identity = identity
    this.#parts = parts
    this.#write = write
    this.#started_us = parts.clock.nowMicroseconds()
  }

  /** True from the first ReadyForQuery on. */
  get authorized(): boolean {
    return this.#authorized
  }

  received(): void {
    this.#event('connection received', {}, viaDetail(this.#identity.endpoint))
  }

  /** One whole message of the server before AuthenticationOk is passed on. */
  message(message: Buffer): LoginVerdict {
    const type = message.readUInt8(0)
    if (type === backend.error_response) {
      this.sessionError(decodeErrorResponse(message, message_header_bytes, message.length))
      return { action: 'relay' }
    }
    if (type !== backend.authentication) return { action: 'relay' }
    const authentication = decodeAuthentication(message, message_header_bytes, message.length)
    if (authentication.kind === 'ok') {
      this.#admitted = true
      return this.#admission()
    }
    if (authentication.kind === 'request') {
      this.#challenged = true
      return this.#challenge(authentication.method, authentication.mechanisms)
    }
    return { action: 'relay' }
  }

  #challenge(method: string, mechanisms: readonly string[]): LoginVerdict {
    // A server that offers the mechanism with channel binding names it first.
    const mechanism = mechanisms.at(-1)
    this.#identity.setAuthentication(mechanism?.toLowerCase() ?? method)
    this.#offered = mechanisms
    return this.#withoutChannelBinding(mechanisms)
  }

  /** What the client answers to an offer of mechanisms; other answers are none of our business. */
  answer(message: Buffer): void {
    if (this.#offered.length === 0) return
    const choice = decodeSaslChoice(message, message_header_bytes)
    if (choice !== undefined && this.#offered.includes(choice.mechanism)) {
      this.#identity.setAuthentication(choice.mechanism.toLowerCase())
      this.#binding = choice.binding
    }
    this.#offered = []
  }

  /** The first ReadyForQuery: only now has the login succeeded. */
  readyForQuery(): void {
    if (this.#authorized) return
    this.#authorized = true
    const { replication } = this.#identity
    this.#event(
      'connection authorized',
      { outcome: 'success', sqlstate: '00000' },
      replication === undefined ? {} : { replication },
    )
  }

  /** An error before the first ReadyForQuery, or a FATAL one after it. */
  sessionError(fields: ErrorFields): void {
    this.#fatal = fields
    if (this.#authorized || this.#refused) return
    this.#refused = true
    const command = fields.sqlstate.startsWith('28')
      ? 'authentication failed'
      : 'connection refused'
    const unbound = this.#failureToBind(fields.sqlstate)
    const detail = unbound === undefined ? {} : { cause: 'channel binding' }
    this.#failure(command, fields.sqlstate, fields.message, detail)
    if (unbound === undefined) return
    const { id, user, client_ip } = this.#identity.part
    this.#parts.log.warn(
      { code: 'tls.channel_binding', session: id, user, client_ip, server_says: fields.message },
      `a login failed: ${unbound}`,
    )
  }

  /**
   * Why the server has refused the binding of a client's exchange to a TLS connection that ends at
   * us; undefined when something else was wrong. The server's words may be in any language, so
   * what was said before decides.
   * Source: src/backend/libpq/auth-scram.c, read_client_first_message, read_client_final_message.
   */
  #failureToBind(sqlstate: string): string | undefined {
    if (sqlstate !== '28000' || this.#admitted || this.upstream_tls === undefined) return undefined
    if (this.#binding === 'unoffered') return binding_unoffered
    if (this.#binding !== 'bound' || this.upstream_tls.same_certificate) return undefined
    return certificates_differ
  }

  /** The proxy refused or ended the session on its own account. */
  refused(sqlstate: string, message: string): void {
    if (this.#refused) return
    if (this.#authorized && ends_without_fault.some((start) => sqlstate.startsWith(start))) {
      // As when the server says so: the record of the disconnection tells it.
      this.#ended ??= { sqlstate, message }
      return
    }
    this.#refused = true
    this.#parts.metrics.refused(sqlstate)
    const command = sqlstate.startsWith('28') ? 'authentication failed' : 'connection refused'
    this.#failure(this.#authorized ? 'protocol violation' : command, sqlstate, message, {})
  }

  /** A statement's error is shown in other words than the server's: so is what it undid. */
  hideMessage(message: string, shown: string): void {
    this.#hidden = { message, shown }
  }

  /** The server's words without the secrets that they quote: of a statement, of the options. */
  #shown(message: string): string {
    if (this.#hidden?.message === message) return this.#hidden.shown
    const options = this.#authorized ? undefined : this.#identity.startup_parameters.get('options')
    const quote = message.search(/["':]/)
    if (options !== undefined && quote >= 0 && redactUnparsedText(options) !== options) {
      return `${message.slice(0, quote)}${redacted}`
    }
    return redactValue(message)
  }

  report(report: Exclude<SessionReport, { kind: 'execution' }>): void {
    if (report.kind === 'disagreement') {
      this.#parts.metrics.mismatch()
      this.#parts.log.warn(
        { code: 'session.disagreement', session: this.#identity.part.id, what: report.message },
        'the answers of the server did not fit the requests of the client',
      )
      this.#failure('protocol disagreement', '08P01', report.message, {}, true)
      return
    }
    this.#write({
      time_us: report.time_us,
      class: 'MISC',
      command: 'transaction end',
      outcome: report.fate === 'unknown' ? 'unknown' : 'failure',
      ...(report.sqlstate === '' ? {} : { sqlstate: report.sqlstate }),
      ...(report.message === '' ? {} : { message: this.#shown(report.message) }),
      session_audited: true,
      session: this.#identity.part,
      transaction: { id: report.transaction_id, state: report.transaction_state },
      detail: { fate: report.fate, reason: report.reason, recorded: report.recorded },
    })
  }

  /** The last record of the session. */
  finish(): void {
    this.finished = true
    if (!this.#authorized) {
      // Nobody refused it: the connection just ended, after AuthenticationOk at the latest.
      const by = this.end_reason.startsWith('server') ? 'server' : 'client'
      this.refused('08006', `the ${by} closed the connection during the login`)
      return
    }
    const session_time_us = this.#parts.clock.nowMicroseconds() - this.#started_us
    const fatal = this.#fatal ?? this.#ended
    this.#event(
      'disconnection',
      fatal === undefined
        ? { outcome: 'success', sqlstate: '00000', duration_us: session_time_us }
        : {
            outcome: 'failure',
            sqlstate: fatal.sqlstate,
            message: this.#shown(fatal.message),
            duration_us: session_time_us,
          },
      { session_time_us, reason: this.#fatal === undefined ? this.end_reason : 'server' },
    )
  }

  /**
   * The server sees our address, not the client's: a `trust` or `peer` line for loopback would
   * let remote clients in as anyone, so an admission without any challenge is refused for them.
   */
  #admission(): LoginVerdict {
    if (!this.#challenged) this.#identity.setAuthentication('trust')
    const { endpoint, certificate } = this.#identity
    const allowed =
      this.#challenged || endpoint.local || certificate || this.#parts.config.upstream.accept_trust
    if (allowed) return { action: 'admit' }
    return {
      action: 'refuse',
      sqlstate: '28000',
      message: `the server asked no password of user "${this.#identity.part.user ?? ''}" from ${endpoint.address}`,
      hint: 'The server sees the address of the proxy, so its trust and peer lines let in everyone: ask for a password in pg_hba.conf, or set upstream.accept_trust to true.',
    }
  }

  /**
   * SCRAM-SHA-256-PLUS binds the exchange to one TLS connection; with TLS on one leg alone it
   * cannot succeed, so it is struck from the offer.
   */
  #withoutChannelBinding(mechanisms: readonly string[]): LoginVerdict {
    const one_leg = (this.#identity.part.tls === undefined) !== (this.upstream_tls === undefined)
    if (!one_leg || !mechanisms.some((name) => name.endsWith('-PLUS'))) return { action: 'relay' }
    const rest = mechanisms.filter((name) => !name.endsWith('-PLUS'))
    return { action: 'replace', message: authenticationSasl(rest) }
  }

  #failure(
    command: string,
    sqlstate: string,
    message: string,
    detail: Readonly<Record<string, unknown>>,
    always = false,
  ): void {
    const words = message === '' ? 'no reason was given' : this.#shown(message)
    this.#event(command, { outcome: 'failure', sqlstate, message: words }, detail, always)
  }

  #event(
    command: string,
    result: Pick<AuditRecord, 'outcome' | 'sqlstate' | 'message' | 'duration_us'>,
    detail: Readonly<Record<string, unknown>>,
    always = false,
  ): void {
    const session = this.#identity.part
    const time_us = this.#parts.clock.nowMicroseconds()
    const decision = this.#parts.rules.decide({
      class: 'CONNECT',
      command,
      ...(session.user === undefined ? {} : { user: session.user }),
      ...(session.database === undefined ? {} : { database: session.database }),
      ...(session.application === undefined ? {} : { application: session.application }),
      client: session.client_ip,
      time_us,
      ...(result.outcome === undefined ? {} : { outcome: result.outcome }),
      ...(result.sqlstate === undefined ? {} : { sqlstate: result.sqlstate }),
      failed: result.outcome === 'failure',
      opaque: false,
    })
    if (!decision.record && !always) return
    this.#write({
      time_us,
      class: 'CONNECT',
      command,
      ...result,
      rules: decision.rules,
      session_audited: decision.session || always,
      session,
      ...(Object.keys(detail).length === 0 ? {} : { detail }),
    })
  }
}

/** Through which load balancer a client came. */
export function viaDetail(endpoint: ClientEndpoint): Readonly<Record<string, unknown>> {
  const { via } = endpoint
  if (via === undefined) return {}
  return { via: via.address, ...(via.port === undefined ? {} : { via_port: via.port }) }
}
