import { expect, it } from 'vitest'
import { Metrics } from '../../src/ops/metrics.js'
import { observe } from '../../src/ops/observed-metrics.js'

it('counts statements by class and outcome, the same however often it is asked', async () => {
  const metrics = new Metrics()
  for (let n = 0; n < 3; n++) metrics.statement('READ', 'success')
  metrics.statement('WRITE', 'failure')
  for (let asked = 0; asked < 2; asked++) {
    const page = await metrics.registry.metrics()
    expect(page).toContain('pgwitness_statements_total{class="READ",outcome="success"} 3')
    expect(page).toContain('pgwitness_statements_total{class="WRITE",outcome="failure"} 1')
  }
})

const no_texts = {
  parsed: 0,
  syntax_errors: 0,
  unparsed: 0,
  replacements: 0,
  cache_hits: 0,
  shape_hits: 0,
  cache_misses: 0,
  cache_entries: 0,
  cache_shapes: 0,
  cache_bytes: 0,
  queued: 0,
  queued_bytes: 0,
}

it('tells of each database what is known, and of none that is no longer in use', async () => {
  const metrics = new Metrics()
  const known = {
    database: 'shop',
    age_ms: 1_500,
    relations: 7,
    loads: 2,
    grants_in_doubt: true,
    missing_role: undefined,
    problem: 'no route to host',
  }
  let databases = [known, { ...known, database: 'new', age_ms: undefined, relations: undefined }]
  const sources = {
    build: { version: '1', node: 'v20' },
    trail: () => ({
      mode: 'file',
      appended_records: 0,
      acknowledged_records: 0,
      fallback_records: 0,
      fallbacks: 0,
      stuck: false,
      queued_bytes: 0,
      queue_bytes: 0,
      oldest_unsaved_ms: 0,
      uncopied_seals: 0,
      lost_records: 0,
      disk_percent: 0,
      syncs: { counts: [1, 2], sum_us: 5_000 },
    }),
    parser: () => ({ ...no_texts }),
    catalog: () => databases,
  }
  observe(metrics.registry, sources, [1_000])
  const lines = async () =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => line.startsWith('pgwitness_catalog'))
  expect(await lines()).toEqual([
    'pgwitness_catalog_age_seconds{database="shop"} 1.5',
    'pgwitness_catalog_relations{database="shop"} 7',
    'pgwitness_catalog_loads{database="shop"} 2',
    'pgwitness_catalog_loads{database="new"} 2',
    'pgwitness_catalog_failing{database="shop"} 1',
    'pgwitness_catalog_failing{database="new"} 1',
    'pgwitness_catalog_grants_in_doubt{database="shop"} 1',
    'pgwitness_catalog_grants_in_doubt{database="new"} 1',
    'pgwitness_catalog_audit_role_missing{database="shop"} 0',
    'pgwitness_catalog_audit_role_missing{database="new"} 0',
  ])
  databases = []
  expect(await lines()).toEqual([])

  const page = await metrics.registry.metrics()
  expect(page).toContain('# TYPE pgwitness_trail_fsync_seconds histogram')
  expect(page).toContain('pgwitness_trail_fsync_seconds_bucket{le="0.001"} 1\n')
  expect(page).toContain('pgwitness_trail_fsync_seconds_bucket{le="+Inf"} 3\n')
  expect(page).toContain('pgwitness_trail_fsync_seconds_sum 0.005\n')
  expect(page).toContain('pgwitness_trail_fsync_seconds_count 3\n')
})
