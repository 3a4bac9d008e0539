import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ResolvedObject } from '../../src/catalog/names.js'
import { describeResolved } from '../../src/cli/describe-object.js'
import { explain } from '../../src/cli/explain.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-agrees-'))
const config_file = join(directory, 'rules.yaml')

const rules = [
  { name: 'writes', class: ['WRITE'] },
  { name: 'ledger', object: ['finance.*', '!finance.scratch'] },
  { name: 'calls', class: ['FUNCTION'], object: ['finance.*'] },
  { name: 'ddl-not-tables', class: ['DDL'], except: { object_type: ['TABLE'] } },
  { name: 'selects', command: ['SELECT*'] },
  { name: 'the-rest', command: ['*'] },
  { name: 'ends', class: ['CONNECT'] },
]

const setup = `
  CREATE ROLE auditor; CREATE ROLE clerk; CREATE SCHEMA finance; CREATE SCHEMA other;
  CREATE TABLE account (id int PRIMARY KEY, pan text);
  CREATE TABLE finance.ledger (id int, amount int); CREATE TABLE finance.scratch (id int);
  CREATE TABLE other.ledger (id int); CREATE VIEW finance.recent AS SELECT * FROM finance.ledger;
  CREATE FUNCTION finance.f(int) RETURNS int LANGUAGE sql RETURN 1;
  CREATE PROCEDURE finance.p() LANGUAGE sql AS 'SELECT 1'; CREATE SEQUENCE finance.numbers;
  GRANT SELECT (pan) ON account TO auditor; GRANT USAGE ON SCHEMA finance, other TO clerk;
  GRANT ALL ON ALL TABLES IN SCHEMA finance, other TO clerk; GRANT INSERT ON finance.ledger TO auditor`

/** Each is one text, and the beginning of a session of its own. */
const texts = [
  'SELECT 1',
  'SELECT * FROM account',
  'SELECT id FROM account',
  'SELECT pan FROM account WHERE id = 1',
  'SELECT count(*) FROM finance.recent',
  'INSERT INTO finance.ledger SELECT id, 1 FROM account',
  'UPDATE finance.ledger SET amount = 2 WHERE id = 1',
  'DELETE FROM finance.scratch',
  'WITH gone AS (DELETE FROM finance.ledger RETURNING id) SELECT finance.f(id) FROM gone',
  'MERGE INTO finance.ledger l USING account a ON a.id = l.id WHEN MATCHED THEN DELETE',
  'SELECT finance.f(1)',
  'CALL finance.p()',
  "SELECT nextval('finance.numbers')",
  'DO $$BEGIN END$$',
  'TRUNCATE finance.scratch',
  'BEGIN; LOCK TABLE finance.ledger; COMMIT',
  'EXPLAIN SELECT * FROM finance.ledger',
  'EXPLAIN ANALYZE DELETE FROM finance.scratch',
  'COPY finance.ledger TO PROGRAM $$cat > /dev/null$$',
  'COPY (SELECT pan FROM account) TO PROGRAM $$cat > /dev/null$$',
  'SET search_path TO finance; SELECT * FROM ledger; RESET search_path; SELECT * FROM account',
  'BEGIN; SET LOCAL search_path TO other; SELECT * FROM ledger; COMMIT; SELECT 1 FROM account',
  'BEGIN; SET search_path TO other; SAVEPOINT s; SET search_path TO finance; TABLE ledger; ROLLBACK TO s; TABLE ledger; ROLLBACK; TABLE account',
  'BEGIN; SET search_path TO other; COMMIT; BEGIN; SET search_path TO finance; ROLLBACK; TABLE ledger',
  'BEGIN; SET LOCAL ROLE clerk; SET search_path TO finance; TABLE ledger; COMMIT; TABLE ledger',
  "SELECT set_config('search_path', 'other', false); TABLE ledger",
  'PREPARE q AS SELECT pan FROM account; EXECUTE q; DEALLOCATE q',
  'PREPARE q (int) AS DELETE FROM finance.scratch WHERE id = $1; EXECUTE q (1)',
  'PREPARE q AS TABLE account; EXPLAIN EXECUTE q; DEALLOCATE ALL; EXPLAIN SELECT 1',
  'BEGIN; DECLARE c CURSOR FOR SELECT id FROM finance.ledger; FETCH 1 FROM c; CLOSE c; COMMIT',
  'BEGIN; CREATE TABLE made (id int); SELECT * FROM made; DROP TABLE made; ROLLBACK',
  'BEGIN; ALTER TABLE finance.scratch RENAME TO renamed; TABLE finance.renamed; ROLLBACK; TABLE finance.scratch',
  'CREATE TEMP TABLE account (id int); TABLE account; DROP TABLE account',
  'BEGIN; CREATE VIEW v AS SELECT pan FROM account; SELECT * FROM v; ROLLBACK',
  'BEGIN; CREATE TABLE copied AS SELECT * FROM finance.ledger; ROLLBACK',
  'COMMENT ON TABLE finance.ledger IS $$x$$',
  'GRANT SELECT ON finance.scratch TO clerk',
  "ALTER ROLE clerk PASSWORD 'x'",
  'CREATE INDEX CONCURRENTLY ON finance.scratch (id)',
  'VACUUM finance.scratch',
  'SHOW search_path',
] as const

let postgres: ScratchPostgres
let proxy: ProxyUnderTest

beforeAll(async () => {
  postgres = await startPostgres()
  const upstream = { host: postgres.host, port: postgres.port }
  const settings = { rules, object_audit: { role: 'auditor' } }
  proxy = await startProxy(postgres, { ...settings, catalog: { user: postgres.superuser } })
  const client = await proxy.client()
  await client.query(setup)
  await client.end()
  vi.stubEnv('PGPASSWORD', postgres.password)
  // What the tests are told of servers is no business of the configuration.
  for (const name of ['TEMPLATES', 'SERVER_BINARIES', 'SEEDS']) {
    vi.stubEnv(`PGWITNESS_${name}`, undefined)
  }
  await settled()
  const catalog = { user: postgres.superuser }
  writeFileSync(config_file, JSON.stringify({ ...settings, upstream, catalog }))
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await proxy.finish()
  await postgres.stop()
  rmSync(directory, { recursive: true })
})

/** Waits until the catalog was read behind the setup: before, what it granted is in doubt. */
async function settled(): Promise<void> {
  const isCertain = ({ objects = [] }: TrailRecord) =>
    objects.some(({ name, resolved }) => name === 'public.account' && resolved === 'catalog')
  do {
    const client = await proxy.client({ application_name: 'probe' })
    await client.query('SELECT FROM account')
    await client.end()
  } while (!(await proxy.records()).some(isCertain))
}

/** What explain says of each statement. */
async function explained(sql: string): Promise<readonly string[]> {
  let output = ''
  const written = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    output += chunk
    return true
  })
  const who = { user: postgres.superuser, database: 'postgres' }
  try {
    await explain(sql, { config: config_file, ...who, replication: false, catalog: true })
  } finally {
    written.mockRestore()
  }
  expect(output).not.toContain('could not be read')
  return output.split(/^statement \d+ of \d+\n/m).slice(1)
}

/** The lines behind a label. */
function row(explanation: string, label: string): readonly string[] {
  const lines = explanation.split('\n')
  const first = lines.findIndex((line) => line.startsWith(`  ${label} `))
  if (first < 0) return []
  const last = lines.findIndex((line, index) => index > first && !line.startsWith(' '.repeat(13)))
  return lines.slice(first, last < 0 ? undefined : last).map((line) => line.slice(13))
}

/** Whether an object is audited hangs on the moment: after each GRANT all of them are for a while. */
function objectLine(line: string): string {
  return line.replace(/; audited.*/, '')
}

function recorded(record: TrailRecord): unknown {
  const objects = (record.objects ?? []).map((object) =>
    objectLine(describeResolved(object as unknown as ResolvedObject, [])),
  )
  const { statement, class: class_of, command } = record
  return { text: statement?.text, class: class_of, command, objects, rules: record.rules }
}

function shown(explanation: string): unknown {
  const rules_asked = row(explanation, 'rules').flatMap((line) => {
    const [, name, answer] = /^(\S+): (yes|no)/.exec(line) ?? []
    return answer === 'yes' && name !== undefined ? [name] : []
  })
  return {
    text: row(explanation, 'text')[0],
    class: row(explanation, 'class')[0],
    command: row(explanation, 'command')[0]?.replace(/(?:,| or) .*/, ''),
    objects: row(explanation, 'objects').map(objectLine),
    rules: rules_asked,
  }
}

test.each(texts)('explain and the records say the same of %s', async (sql) => {
  const explanations = await explained(sql)
  const application_name = `text ${texts.indexOf(sql)}`
  const client = await proxy.client({ application_name })
  await client.query(sql)
  await client.end()
  const isEnd = ({ command, session }: TrailRecord) =>
    command === 'disconnection' && session?.['application'] === application_name
  const records = (await proxy.recordsUntil((all) => all.some(isEnd))).filter(
    ({ statement, session }) =>
      statement !== undefined && session?.['application'] === application_name,
  )
  expect(explanations.map(shown)).toEqual(records.map(recorded))
})
