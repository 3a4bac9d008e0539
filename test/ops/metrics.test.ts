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
