import { expect, it } from 'vitest'
import { missingPgaudit } from './pgaudit/audit-server.js'
import { comparison } from './pgaudit/comparison.js'
import { generatedScenarios } from './pgaudit/corpus/generated.js'
import { scenariosOf } from './pgaudit/corpus/read-sql.js'
import { defects } from './pgaudit/report.js'

const missing = missingPgaudit()

/** A part of `npm run test:pgaudit` that takes seconds. */
it.skipIf(missing !== undefined)(
  `reads and changes as pgaudit tells of them ${missing ?? ''}`,
  async () => {
    const scenarios = [...generatedScenarios(1, 4, 60), ...scenariosOf('queries.sql')]
    const run = await comparison(scenarios, { log_relation: true, protocol: 'simple' })
    expect(defects(run)).toEqual([])
    expect(run.verdicts.filter(({ side }) => side === 'agree').length).toBeGreaterThan(1_000)
  },
)
