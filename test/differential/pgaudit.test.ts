import { parseSync } from 'libpg-query'
import { expect, it } from 'vitest'
import { statement_map } from '../../src/sql/statement-map.js'
import { analyse } from '../sql/render.js'
import { missingPgaudit } from './pgaudit/audit-server.js'
import { comparison } from './pgaudit/comparison.js'
import { lifecycleScenarios } from './pgaudit/corpus/expand.js'
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

it('the corpus has every kind of statement of the grammar, and thousands of texts', () => {
  const scenarios = [
    ...generatedScenarios(1, 40, 60),
    ...scenariosOf('queries.sql'),
    ...scenariosOf('sessions.sql'),
    ...lifecycleScenarios('dba'),
  ]
  const texts = new Set(scenarios.flatMap(({ steps }) => steps.map(({ text }) => text)))
  expect(texts.size).toBeGreaterThan(4_000)
  const kinds = new Set<string>()
  for (const text of texts) {
    // Those that the grammar refuses are in it as well.
    const read = isRead(text) ? analyse(text).statements : []
    for (const { node } of read) kinds.add(node)
  }
  expect(Object.keys(statement_map).filter((kind) => !kinds.has(kind))).toEqual([])
})

function isRead(text: string): boolean {
  try {
    return parseSync(text) !== undefined
  } catch {
    return false
  }
}
