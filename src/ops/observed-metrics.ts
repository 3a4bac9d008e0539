import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricValueWithName,
  type Registry,
} from 'prom-client'

/** Figures that are read when the page is asked for, rather than counted as they happen. */
export interface MetricSources {
  trail(): TrailFigures
  parser(): ParserFigures
  /** What is known of each database in use. */
  catalog(): readonly CatalogFigures[]
  readonly build: { readonly version: string; readonly node: string }
}

/** State of the trail. */
export interface TrailFigures {
  readonly mode: string
  readonly stuck: boolean
  readonly appended_records: number
  readonly acknowledged_records: number
  readonly fallback_records: number
  readonly fallbacks: number
  readonly queued_bytes: number
  readonly queue_bytes: number
  readonly oldest_unsaved_ms: number
  readonly uncopied_seals: number
  readonly lost_records: number
  readonly disk_percent: number
  readonly syncs: { readonly counts: readonly number[]; readonly sum_us: number }
}

/** What is known of a database in use. */
export interface CatalogFigures {
  readonly database: string
  readonly age_ms: number | undefined
  readonly relations: number | undefined
  readonly loads: number
  readonly grants_in_doubt: boolean
  readonly missing_role: string | undefined
  readonly problem: string | undefined
}

/** Counts since the start, and the state of this moment. */
export interface ParserFigures {
  readonly parsed: number
  readonly syntax_errors: number
  readonly unparsed: number
  readonly replacements: number
  readonly cache_hits: number
  readonly shape_hits: number
  readonly cache_misses: number
  readonly cache_entries: number
  readonly cache_shapes: number
  readonly cache_bytes: number
  readonly queued: number
  readonly queued_bytes: number
}

/** Registers the figures; `sync_bounds_us` are the classes that `syncs` is counted in. */
export function observe(
  registry: Registry,
  sources: MetricSources,
  sync_bounds_us: readonly number[],
): void {
  observeTrail(registry, sources, sync_bounds_us)
  observeParser(registry, sources)
  observeCatalog(registry, sources)
  new Gauge({
    name: 'pgwitness_build_info',
    help: 'Always 1; the labels tell the versions.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ ...sources.build }, 1)
}

/** Memory, processor time, event loop: the usual figures of a Node process. */
export function observeProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
}

/** A figure that is read anew each time, with a label for each of several values. */
function read(
  registry: Registry,
  kind: 'counter' | 'gauge',
  name: string,
  help: string,
  values: () => Readonly<Record<string, number>> | number,
  label = '',
): void {
  const labelNames = label === '' ? [] : [label]
  const each = (give: (labels: Record<string, string>, value: number) => void) => {
    const now = values()
    if (typeof now === 'number') give({}, now)
    else for (const [one, value] of Object.entries(now)) give({ [label]: one }, value)
  }
  const common = { name: `pgwitness_${name}`, help, labelNames, registers: [registry] }
  if (kind === 'gauge') {
    new Gauge({
      ...common,
      collect() {
        this.reset()
        each((labels, value) => this.set(labels, value))
      },
    })
    return
  }
  new Counter({
    ...common,
    collect() {
      this.reset()
      each((labels, value) => this.inc(labels, value))
    },
  })
}

function observeTrail(
  registry: Registry,
  { trail }: MetricSources,
  sync_bounds_us: readonly number[],
): void {
  const stages = 'Records of the trail since the start, by how far they have come.'
  read(registry, 'counter', 'records_total', stages, () => recordsByStage(trail()), 'stage')
  const queued = 'Bytes of records that are not safe yet.'
  read(registry, 'gauge', 'trail_queued_bytes', queued, () => trail().queued_bytes)
  const capacity = 'Bytes of records that may wait before sessions do: audit.queue.'
  read(registry, 'gauge', 'trail_queue_capacity_bytes', capacity, () => trail().queue_bytes)
  const oldest = 'How long the oldest record that is not safe has waited, to a quarter of a second.'
  const age = () => trail().oldest_unsaved_ms / 1_000
  read(registry, 'gauge', 'trail_oldest_unsaved_seconds', oldest, age)
  const stuck = '1 while a writer of the trail is held up in a system call.'
  read(registry, 'gauge', 'trail_stuck', stuck, () => Number(trail().stuck))
  const fallbacks = 'How often records could not go to the audit file any more.'
  read(registry, 'counter', 'trail_fallbacks_total', fallbacks, () => trail().fallbacks)
  const uncopied = 'Seals since the start that audit.seal.copy could not take.'
  read(registry, 'counter', 'uncopied_seals_total', uncopied, () => trail().uncopied_seals)
  const lost = 'Records since the start that were kept nowhere (audit.on_failure: continue).'
  read(registry, 'counter', 'lost_records_total', lost, () => trail().lost_records)
  const disk = 'How full the file system of the audit directory is; records tell of 75, 90 and 98.'
  read(registry, 'gauge', 'trail_disk_percent', disk, () => trail().disk_percent)
  const mode = '1 for where records go now: file, fallback (the server log) or failed (neither).'
  const modes = () => {
    const now = trail().mode
    return Object.fromEntries(
      ['file', 'fallback', 'failed'].map((one) => [one, Number(one === now)]),
    )
  }
  read(registry, 'gauge', 'trail_mode', mode, modes, 'mode')
  registry.registerMetric(new SyncHistogram(() => trail().syncs, sync_bounds_us))
}

function recordsByStage(figures: TrailFigures): Readonly<Record<string, number>> {
  return {
    appended: figures.appended_records,
    acknowledged: figures.acknowledged_records,
    fallback: figures.fallback_records,
  }
}

function observeParser(registry: Registry, { parser }: MetricSources): void {
  const lookups =
    'Texts that sessions have sent, by what knew them: the same text, another one that differs ' +
    'in literals alone (shape), or nothing, so that they waited for the parser.'
  const known_by = () => {
    const { cache_hits: text, shape_hits: shape, cache_misses: nothing } = parser()
    return { text, shape, nothing }
  }
  read(registry, 'counter', 'text_lookups_total', lookups, known_by, 'known_by')
  const results = () => {
    const { parsed, syntax_errors, unparsed } = parser()
    return { parsed, syntax_errors, unparsed }
  }
  const texts = 'Texts that went to the parser threads, by what came of them.'
  read(registry, 'counter', 'parser_texts_total', texts, results, 'result')
  const replaced = 'How often a parser thread failed on a text and was replaced.'
  read(registry, 'counter', 'parser_replacements_total', replaced, () => parser().replacements)
  const waiting = 'Texts that wait for the parser threads.'
  read(registry, 'gauge', 'parser_queued', waiting, () => parser().queued)
  const waiting_bytes = 'Characters of these texts.'
  read(registry, 'gauge', 'parser_queued_chars', waiting_bytes, () => parser().queued_bytes)
  const kept = 'What is kept of texts: by text, and by shape.'
  const entries = () => ({ text: parser().cache_entries, shape: parser().cache_shapes })
  read(registry, 'gauge', 'fact_cache_entries', kept, entries, 'by')
  const weight = 'Bytes that it takes, about.'
  read(registry, 'gauge', 'fact_cache_bytes', weight, () => parser().cache_bytes)
}

function observeCatalog(registry: Registry, { catalog }: MetricSources): void {
  const gauge = (name: string, help: string, value: (of: CatalogFigures) => number | undefined) => {
    const values = () =>
      Object.fromEntries(
        catalog().flatMap((one) => {
          const now = value(one)
          return now === undefined ? [] : [[one.database, now] as const]
        }),
      )
    read(registry, 'gauge', `catalog_${name}`, help, values, 'database')
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
  gauge('failing', '1 while the catalog cannot be read.', ({ problem }) =>
    Number(problem !== undefined),
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

const fsync_name = 'pgwitness_trail_fsync_seconds'
const fsync_help = 'How long fsyncs in the audit directory took.'

/** A histogram whose observations were counted elsewhere: in the memory shared with the writer. */
class SyncHistogram extends Histogram {
  readonly #syncs: () => TrailFigures['syncs']
  readonly #bounds_us: readonly number[]

  constructor(syncs: () => TrailFigures['syncs'], bounds_us: readonly number[]) {
    super({ name: fsync_name, help: fsync_help, registers: [] })
    this.#syncs = syncs
    this.#bounds_us = bounds_us
  }

  /** Both pages of the registry, text and JSON, ask by this name, which the package's types leave out. */
  async getForPromString(): Promise<object> {
    const values = this.#values()
    return { name: fsync_name, help: fsync_help, type: 'histogram', aggregator: 'sum', values }
  }

  #values(): MetricValueWithName<string>[] {
    const { counts, sum_us } = this.#syncs()
    let total = 0
    const buckets = counts.map((count, index) => {
      total += count
      const bound_us = this.#bounds_us[index]
      const le = bound_us === undefined ? '+Inf' : String(bound_us / 1_000_000)
      return { metricName: `${fsync_name}_bucket`, labels: { le }, value: total }
    })
    return [
      ...buckets,
      { metricName: `${fsync_name}_sum`, labels: {}, value: sum_us / 1_000_000 },
      { metricName: `${fsync_name}_count`, labels: {}, value: total },
    ]
  }
}
