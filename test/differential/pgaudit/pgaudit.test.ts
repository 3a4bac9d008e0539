import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { missingPgaudit } from './audit-server.js'
import { causeOf, causes } from './causes.js'
import { type Comparison, comparison } from './comparison.js'
import { lifecycleScenarios } from './corpus/expand.js'
import { generatedScenarios } from './corpus/generated.js'
import { scenariosOf } from './corpus/read-sql.js'
import { defects, table } from './report.js'

/**
 * `npm run test:pgaudit`: the corpus before a server with pgaudit, and no difference in what the
 * client asked for that docs/differences.md does not explain.
 */

const missing = missingPgaudit()
const seed = Number(process.env['PGWITNESS_SEED'] ?? 20_261_122)
const sessions = Number(process.env['PGWITNESS_SESSIONS'] ?? 40)
/** Only the sessions whose names match. */
const only = new RegExp(process.env['PGWITNESS_ONLY'] ?? '')
const runs: Comparison[] = []

const written = [...scenariosOf('queries.sql'), ...scenariosOf('sessions.sql')]

it.skipIf(missing !== undefined).each([
  {
    log_relation: true,
    protocol: 'simple' as const,
    users: ['dba'],
  },
  {
    log_relation: false,
    protocol: 'extended' as const,
    users: ['dba', 'app'],
  },
])(`$protocol protocol, log_relation $log_relation ${missing ?? ''}`, async (options) => {
  const scenarios = [
    ...generatedScenarios(seed + (options.log_relation ? 0 : sessions), sessions, 60),
    ...written,
    ...options.users.flatMap(lifecycleScenarios),
  ].filter(({ name }) => only.test(name))
  const run = await comparison(scenarios, options)
  runs.push(run)
  const found = defects(run)
  console.log(`${run.statements} statements in ${run.sessions} sessions, ${found.length} defects`)
  if (found.length > 0) console.log(found.join('\n'))
  expect(found).toEqual([])
})

it('every cause is explained, and every explanation is of a cause', () => {
  const page = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8')
  const explained = [...page.matchAll(/^\| ([a-z][^|]*?) \|/gm)].map(([, name]) => name)
  expect(explained.filter((name) => name !== 'cause').sort()).toEqual(
    causes.map(({ name }) => name).sort(),
  )
})

it.skipIf(missing !== undefined || only.source !== '(?:)')('every cause occurs', () => {
  const verdicts = runs.flatMap((run) => run.verdicts)
  const seen = new Set(verdicts.filter(({ side }) => side !== 'agree').map(causeOf))
  expect(causes.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([])
})

afterAll(() => {
  if (runs.length > 0) console.log(`\n${table(runs)}\n`)
})
