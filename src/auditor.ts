import { AuditedSession } from './auditor/audited-session.js'
import type { AuditorParts } from './auditor/auditor-parts.js'
import { certificates_differ } from './auditor/channel-binding.js'
import { viaDetail } from './auditor/login.js'
import { loginRefusal } from './auditor/trail-failure.js'
import { Turns } from './auditor/turns.js'
import type { ClientEndpoint, SessionTap, TapFactory, TapViolation } from './proxy/tap.js'

/** What the auditor is made of, and the loop that it works in. */
export type AuditorSurroundings = Omit<AuditorParts, 'sessionClosed' | 'turns'> & {
  readonly soon: (callback: () => void) => void
}

/**
 * The pipeline, seen from the relay: it makes a tap for every connection and records what belongs
 * to no session. What happens to one statement is in `auditor/audited-session.ts`.
 */
export class Auditor implements TapFactory {
  readonly #parts: AuditorParts
  readonly #sessions = new Set<AuditedSession>()
  #session_counter = 0
  #reachable = true
  #same_certificate: boolean | undefined
  /** Records of no session that have found no room in the trail. */
  #waiting = 0
  /** True from a connection that was turned away to the next one that was not. */
  #turning_away = false
  #settle: (() => void) | undefined

  /** `soon` calls back once, when the loop has seen to its sockets. */
  constructor(given: AuditorSurroundings) {
    const { soon, ...parts } = given
    this.#parts = {
      ...parts,
      turns: new Turns(soon),
      sessionClosed: (session) => {
        if (!this.#sessions.delete(session)) return
        parts.metrics.sessionClosed()
        if (this.unsettled === 0) this.#settle?.()
      },
    }
    parts.trail.when_failing(() => {
      if (parts.trail.failing === undefined) return
      for (const session of this.#sessions) session.trailFailed()
    })
  }

  get refusal(): TapViolation | undefined {
    const { failing } = this.#parts.trail
    return failing === undefined ? undefined : loginRefusal(failing)
  }

  get unsettled(): number {
    return this.#sessions.size + this.#waiting
  }

  /**
   * Waits until the last records of all sessions, and those of none, are with the trail, no longer
   * than `longest_ms`. Resolves with the number of those that are not through.
   */
  async settled(longest_ms: number): Promise<number> {
    if (this.unsettled > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#parts.later(longest_ms, resolve)
        this.#settle = () => {
          cancel()
          resolve()
        }
      })
    }
    return this.unsettled
  }

  open(client: ClientEndpoint): SessionTap {
    this.#turning_away = false
    this.#session_counter++
    const session = new AuditedSession(this.#parts, this.#session_counter, client)
    this.#sessions.add(session)
    this.#parts.metrics.sessionOpened()
    return session
  }

  /** To be called now and then, at least twice in `audit.start_after`: start records are due. */
  tick(): void {
    const now_us = this.#parts.clock.nowMicroseconds()
    for (const session of this.#sessions) session.tick(now_us)
  }

  turnedAway(client: ClientEndpoint): void {
    this.#parts.metrics.turnedAway()
    if (this.#turning_away) return
    this.#turning_away = true
    const details = { code: 'connections.turned_away', unsettled: this.unsettled }
    this.#parts.log.warn({ ...details, client_ip: client.address }, 'too many connections')
  }

  cancelRequest(client: ClientEndpoint, pid: number): void {
    const time_us = this.#parts.clock.nowMicroseconds()
    const decision = this.#parts.rules.decide({
      class: 'CONNECT',
      command: 'cancel request',
      client: client.address,
      time_us,
      failed: false,
      opaque: false,
    })
    if (!decision.record) return
    this.#session_counter++
    this.#append({
      time_us,
      class: 'CONNECT',
      command: 'cancel request',
      rules: decision.rules,
      session_audited: decision.session,
      session: {
        id: this.#session_counter,
        client_ip: client.address,
        ...(client.port === undefined ? {} : { client_port: client.port }),
      },
      detail: { pid, ...viaDetail(client) },
    })
  }

  upstreamState(reachable: boolean, message: string): void {
    if (reachable === this.#reachable) return
    this.#reachable = reachable
    const time_us = this.#parts.clock.nowMicroseconds()
    const command = reachable ? 'server reachable' : 'server unreachable'
    const outcome = reachable ? 'success' : 'failure'
    // sqlclient_unable_to_establish_sqlconnection is what the client is told as well.
    const sqlstate = reachable ? '00000' : '08001'
    const decision = this.#parts.rules.decide({
      class: 'SYSTEM',
      command,
      time_us,
      outcome,
      sqlstate,
      failed: !reachable,
      opaque: false,
    })
    if (!decision.record) return
    this.#append({
      time_us,
      class: 'SYSTEM',
      command,
      outcome,
      sqlstate,
      message,
      rules: decision.rules,
      session_audited: decision.session,
    })
  }

  upstreamCertificate(same: boolean): void {
    const before = this.#same_certificate
    this.#same_certificate = same
    if (same === before) return
    if (!same) {
      this.#parts.log.warn({ code: 'tls.certificates_differ' }, certificates_differ)
    } else if (before !== undefined) {
      this.#parts.log.info({}, 'clients and server are shown the same certificate now')
    }
  }

  #append(record: Parameters<AuditorParts['render']>[0]): void {
    const rendered = this.#parts.render(record)
    if (this.#parts.trail.append(rendered)) return
    this.#waiting++
    const offer = () => {
      if (!this.#parts.trail.append(rendered)) {
        this.#parts.trail.when_writable(offer)
        return
      }
      this.#waiting--
      if (this.unsettled === 0) this.#settle?.()
    }
    this.#parts.trail.when_writable(offer)
  }
}
