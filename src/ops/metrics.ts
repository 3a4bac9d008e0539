import { Counter, Gauge, Registry } from 'prom-client'

/** The errors of pgwitness's own that clients see: docs/errors.md. */
const refusal_states = [
  '08001',
  '08006',
  '08007',
  '08P01',
  '0A000',
  '28000',
  '53300',
  '57P03',
  '58030',
  'XX000',
]

/** The program's metrics in Prometheus' terms. */
export class Metrics {
  readonly registry = new Registry()
  /** Counted here and shown when asked: a labelled counter costs a microsecond per statement. */
  readonly #statement_counts = new Map<string, Map<string, number>>()
  readonly #mismatches = new Counter({
    name: 'pgwitness_analysis_mismatches_total',
    help: "Statements whose parse and server's answer disagreed.",
    registers: [this.registry],
  })
  readonly #sessions = new Gauge({
    name: 'pgwitness_sessions',
    help: 'Sessions that are open.',
    registers: [this.registry],
  })
  readonly #opened = new Counter({
    name: 'pgwitness_sessions_opened_total',
    help: 'Sessions that were opened, those that were refused among them.',
    registers: [this.registry],
  })
  readonly #refused = new Counter({
    name: 'pgwitness_refused_total',
    help: 'What pgwitness itself has refused, by SQLSTATE: 08P01 is input that is not the protocol.',
    labelNames: ['sqlstate'],
    registers: [this.registry],
  })
  readonly #reloads = new Counter({
    name: 'pgwitness_config_reloads_total',
    help: 'Reloads of the configuration that SIGHUP asked for, by what came of them.',
    labelNames: ['result'],
    registers: [this.registry],
  })
  readonly #reload_worked = new Gauge({
    name: 'pgwitness_config_last_reload_successful',
    help: '1 when the configuration that was read last is the one that runs, 0 when it was refused.',
    registers: [this.registry],
  })
  readonly #reloaded_at = new Gauge({
    name: 'pgwitness_config_last_reload_success_timestamp_seconds',
    help: 'When the configuration that runs was taken over, by a reload or at the start.',
    registers: [this.registry],
  })
  readonly #turned_away = new Counter({
    name: 'pgwitness_connections_turned_away_total',
    help: 'Connections that were closed unheard, since there were too many.',
    registers: [this.registry],
  })

  constructor() {
    // What has never happened is 0, not unknown: a rule on its increase needs the one before.
    for (const sqlstate of refusal_states) this.#refused.inc({ sqlstate }, 0)
    for (const result of ['success', 'failure']) this.#reloads.inc({ result }, 0)
    this.#reload_worked.set(1)
    this.#reloaded_at.setToCurrentTime()
    const counts = this.#statement_counts
    new Counter({
      name: 'pgwitness_statements_total',
      help: 'Executions seen, by class and outcome, recorded or not.',
      labelNames: ['class', 'outcome'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [audit_class, by_outcome] of counts) {
          for (const [outcome, count] of by_outcome)
            this.inc({ class: audit_class, outcome }, count)
        }
      },
    })
  }

  statement(audit_class: string, outcome: string): void {
    let by_outcome = this.#statement_counts.get(audit_class)
    if (by_outcome === undefined) {
      by_outcome = new Map()
      this.#statement_counts.set(audit_class, by_outcome)
    }
    by_outcome.set(outcome, (by_outcome.get(outcome) ?? 0) + 1)
  }

  mismatch(): void {
    this.#mismatches.inc()
  }

  /** Somebody was not served: the SQLSTATE that the client was told. */
  refused(sqlstate: string): void {
    this.#refused.inc({ sqlstate })
  }

  sessionOpened(): void {
    this.#sessions.inc()
    this.#opened.inc()
  }

  sessionClosed(): void {
    this.#sessions.dec()
  }

  turnedAway(): void {
    this.#turned_away.inc()
  }

  /** A reload has ended, at this time in microseconds since 1970. */
  reloaded(worked: boolean, time_us: number): void {
    this.#reloads.inc({ result: worked ? 'success' : 'failure' })
    this.#reload_worked.set(worked ? 1 : 0)
    if (worked) this.#reloaded_at.set(time_us / 1_000_000)
  }
}
