import type { CatalogSource } from '../catalog/names.js'
import type { Config } from '../config/config.js'
import type { Clock } from '../lib/clock.js'
import type { AuditRecord } from '../record/audit-record.js'
import type { RuleSet } from '../rules/decision.js'
import type { FactsSource } from '../sql/facts.js'
import type { Trail } from '../trail/trail.js'
import type { AuditedSession } from './audited-session.js'
import type { Turns } from './turns.js'

/** Where the pipeline says what an operator should know. */
export interface LogPort {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** What the pipeline counts. */
export interface MetricsPort {
  statement(audit_class: string, outcome: string): void
  mismatch(): void
  /** Somebody was not served, or no longer, and told this SQLSTATE. */
  refused(sqlstate: string): void
  sessionOpened(): void
  sessionClosed(): void
  /** A connection was closed unheard. */
  turnedAway(): void
}

/** Everything that the pipeline is made of; `app.ts` constructs it. */
export interface AuditorParts {
  readonly config: Config
  readonly facts: FactsSource
  readonly catalog: CatalogSource
  readonly rules: RuleSet
  readonly trail: Pick<Trail, 'append' | 'when_writable' | 'failing' | 'when_failing'> &
    Pick<Trail, 'appended_position' | 'acknowledged_position' | 'when_acknowledged'>
  readonly clock: Clock
  readonly log: LogPort
  readonly metrics: MetricsPort
  /** Renders a record in the configured format, without what the trail adds. */
  render(record: AuditRecord): string
  /** Calls back once after so many milliseconds; the returned function cancels that. */
  later(delay_ms: number, callback: () => void): () => void
  /** Where a session waits that has more to record than one turn of the loop may take. */
  readonly turns: Turns
  /** The session is over, and its records are with the trail; told once or more. */
  sessionClosed(session: AuditedSession): void
}
