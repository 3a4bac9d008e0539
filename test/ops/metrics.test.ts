import { expect, it } from 'vitest'
import { Metrics } from '../../src/ops/metrics.js'

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

it('tells of each database what is known, and of none that is no longer in use', async () => {
  const metrics = new Metrics()
  const known = {
    database: 'shop',
    age_ms: 1_500,
    relations: 7,
    loads: 2,
    grants_in_doubt: true,
    missing_role: undefined,
  }
  let databases = [known, { ...known, database: 'new', age_ms: undefined, relations: undefined }]
  metrics.observe({
    trail: () => ({
      mode: 'file',
      appended_records: 0,
      acknowledged_records: 0,
      fallback_records: 0,
      queued_bytes: 0,
      uncopied_seals: 0,
      lost_records: 0,
      stuck: false,
      disk_percent: 0,
    }),
    parser: () => ({ cache_hits: 0, shape_hits: 0, cache_misses: 0 }),
    catalog: () => databases,
  })
  const lines = async () =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => line.startsWith('pgwitness_catalog'))
  expect(await lines()).toEqual([
    'pgwitness_catalog_age_seconds{database="shop"} 1.5',
    'pgwitness_catalog_relations{database="shop"} 7',
    'pgwitness_catalog_loads{database="shop"} 2',
    'pgwitness_catalog_loads{database="new"} 2',
    'pgwitness_catalog_grants_in_doubt{database="shop"} 1',
    'pgwitness_catalog_grants_in_doubt{database="new"} 1',
    'pgwitness_catalog_audit_role_missing{database="shop"} 0',
    'pgwitness_catalog_audit_role_missing{database="new"} 0',
  ])
  databases = []
  expect(await lines()).toEqual([])
})
