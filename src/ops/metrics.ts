import { Counter, Gauge, Registry } from 'prom-client'

/** Figures that are read when the page is asked for, rather than counted as they happen. */
export interface MetricSources {
  /** State of the trail. */
  trail(): {
    readonly mode: string
    readonly appended_records: number
    readonly acknowledged_records: number
    readonly fallback_records: number
    readonly queued_bytes: number
    readonly uncopied_seals: number
    readonly lost_records: number
    readonly stuck: boolean
    readonly disk_percent: number
  }
  /** Counters of the parser's door. */
  parser(): ParserFigures
  /** What is known of each database in use. */
  catalog(): readonly CatalogFigures[]
}

/** What is known of a database in use. */
export interface CatalogFigures {
  readonly database: string
  readonly age_ms: number | undefined
  readonly relations: number | undefined
  readonly loads: number
  readonly grants_in_doubt: boolean
  readonly missing_role: string | undefined
}

/** Counts since the start, and the state of this moment. */
export interface ParserFigures extends Readonly<Record<string, number>> {
  readonly cache_hits: number
  readonly shape_hits: number
  readonly cache_misses: number
}

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

  sessionOpened(): void {
    this.#sessions.inc()
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

  /** Adds the figures that are read when asked for. */
  observe(sources: MetricSources): void {
    this.#observeTrail(sources)
    this.#observeParser(sources)
    this.#observeCatalog(sources)
  }

  #observeTrail(sources: MetricSources): void {
    const { registry } = this
    new Gauge({
      name: 'pgwitness_trail_records',
      help: 'Records of the trail since the start, by how far they have come.',
      labelNames: ['stage'],
      registers: [registry],
      collect() {
        const state = sources.trail()
        this.set({ stage: 'appended' }, state.appended_records)
        this.set({ stage: 'acknowledged' }, state.acknowledged_records)
        this.set({ stage: 'fallback' }, state.fallback_records)
      },
    })
    new Gauge({
      name: 'pgwitness_trail_queued_bytes',
      help: 'Bytes of records that are not on disk yet.',
      registers: [registry],
      collect() {
        this.set(sources.trail().queued_bytes)
      },
    })
    new Gauge({
      name: 'pgwitness_uncopied_seals',
      help: 'Seals since the start that audit.seal.copy could not take.',
      registers: [registry],
      collect() {
        this.set(sources.trail().uncopied_seals)
      },
    })
    new Gauge({
      name: 'pgwitness_lost_records',
      help: 'Records since the start that were kept nowhere (audit.on_failure: continue).',
      registers: [registry],
      collect() {
        this.set(sources.trail().lost_records)
      },
    })
    new Gauge({
      name: 'pgwitness_trail_disk_percent',
      help: 'How full the file system of the audit directory is; records tell of 75, 90 and 98.',
      registers: [registry],
      collect() {
        this.set(sources.trail().disk_percent)
      },
    })
    new Gauge({
      name: 'pgwitness_trail_stuck',
      help: '1 while a writer of the trail is held up in a system call.',
      registers: [registry],
      collect() {
        this.set(Number(sources.trail().stuck))
      },
    })
    new Gauge({
      name: 'pgwitness_trail_mode',
      help: '1 for where records go now: file, fallback (the server log) or failed (neither).',
      labelNames: ['mode'],
      registers: [registry],
      collect() {
        const { mode } = sources.trail()
        for (const one of ['file', 'fallback', 'failed']) {
          this.set({ mode: one }, one === mode ? 1 : 0)
        }
      },
    })
  }

  #observeParser(sources: MetricSources): void {
    const { registry } = this
    new Gauge({
      name: 'pgwitness_parser',
      help: 'Texts that went to the parser threads, by what came of them, and what is kept of them.',
      labelNames: ['event'],
      registers: [registry],
      collect() {
        for (const [event, count] of Object.entries(sources.parser())) this.set({ event }, count)
      },
    })
    new Gauge({
      name: 'pgwitness_text_lookups',
      help:
        'Texts that sessions have sent, by what knew them: the same text, another one that differs ' +
        'in literals alone (shape), or nothing, so that they waited for the parser.',
      labelNames: ['known_by'],
      registers: [registry],
      collect() {
        const { cache_hits, shape_hits, cache_misses } = sources.parser()
        this.set({ known_by: 'text' }, cache_hits)
        this.set({ known_by: 'shape' }, shape_hits)
        this.set({ known_by: 'nothing' }, cache_misses)
      },
    })
  }

  #observeCatalog({ catalog }: MetricSources): void {
    const gauge = (
      name: string,
      help: string,
      value: (of: CatalogFigures) => number | undefined,
    ) => {
      new Gauge({
        name: `pgwitness_catalog_${name}`,
        help,
        labelNames: ['database'],
        registers: [this.registry],
        collect() {
          this.reset()
          for (const one of catalog()) {
            const now = value(one)
            if (now !== undefined) this.set({ database: one.database }, now)
          }
        },
      })
    }
    gauge('age_seconds', 'Age of what is known of names and grants.', ({ age_ms }) =>
      age_ms === undefined ? undefined : age_ms / 1_000,
    )
    gauge('relations', 'Relations known.', ({ relations }) => relations)
    gauge(
      'loads',
      'Times that the catalog was read since the database is in use.',
      ({ loads }) => loads,
    )
    gauge(
      'grants_in_doubt',
      '1 while a change of grants, roles or owners has not been read yet: all counts as granted.',
      ({ grants_in_doubt }) => Number(grants_in_doubt),
    )
    gauge(
      'audit_role_missing',
      '1 when the role of object_audit does not exist: its grants audit nothing.',
      ({ missing_role }) => Number(missing_role !== undefined),
    )
  }
}
