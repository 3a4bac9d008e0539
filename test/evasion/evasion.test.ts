import { existsSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StatementClass, statement_class_strength } from '../../src/sql/facts.js'
import { readCsv } from '../record/read-csv.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf, type TrailRecord } from '../support/proxy.js'
import { type Played, Stage } from './play.js'
import { type ExpectedRecord, rules, type Trick } from './trick.js'

const folder = new URL('tricks/', import.meta.url)
const files = readdirSync(folder).sort()
const debian_binaries = '/usr/lib/postgresql/15/bin'
const lanes = 3
/** To try some alone: EVASION is a regular expression of names; `EVASION=.` is all, before both servers. */
const pattern = process.env['EVASION']
const wanted = new RegExp(pattern ?? '')
/**
 * Before the older server are played by default those in which it differs: it does not report its
 * search_path, knows other words and grants, and resolves names by what it is told alone.
 */
const differ_by_version = new RegExp(
  '^(path|schema|names-of|temporary|shadowed|role|set-role|session-auth|grant|default-priv|merge|' +
    'later|replication|explain|owner|function-with|three-part|copy|prepared|two-readings)',
)

const tricks = new Map<string, Trick>()
for (const file of files) {
  const { trick }: { trick?: Trick } = await import(new URL(file, folder).href)
  if (trick !== undefined) tricks.set(basename(file, '.ts'), trick)
}

it('runs every file of the folder', () => {
  expect([...tricks.keys()].map((name) => `${name}.ts`)).toEqual(files)
  expect(files.length).toBeGreaterThan(100)
  const idle = [...tricks].filter(([, { trail, effect }]) => trail.length * effect.length === 0)
  expect(idle).toEqual([])
})

function works(name: string, trick: Trick, version: number): boolean {
  if (!wanted.test(name)) return false
  const is_bound = trick.since !== undefined || trick.until !== undefined
  if (version < 18 && pattern === undefined && !is_bound && !differ_by_version.test(name)) {
    return false
  }
  return (trick.since ?? 0) <= version && version <= (trick.until ?? Number.POSITIVE_INFINITY)
}

const databaseOf = (name: string) => `trick_${name.replaceAll('-', '_')}`

/** Lets a server come up whose lines for loopback ask nobody for anything. */
async function startTrusting(binaries?: string): Promise<ScratchPostgres> {
  return await startPostgres({
    hba: ['host all all 127.0.0.1/32 trust', 'local all all trust'],
    settings: { max_prepared_transactions: '4', max_connections: '400', wal_level: 'logical' },
    ...(binaries === undefined ? {} : { binaries }),
  })
}

const proxy_settings = {
  rules,
  upstream: { tls: { mode: 'disable' } },
  // Some two hundred catalogs: each is read when its session comes, and need not be looked after.
  catalog: { refresh: '1h' },
  audit: { statement_max: '16KiB' },
}

/** What became of each trick: how it was played, or the error that stopped it. */
async function playAll(
  names: readonly string[],
  stage: Stage,
): Promise<Map<string, Played | Error>> {
  const played = new Map<string, Played | Error>()
  const queue = [...names]
  const lane = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const trick = tricks.get(name)
      if (trick === undefined) continue
      try {
        played.set(name, await stage.play(trick, databaseOf(name)))
      } catch (error) {
        played.set(name, error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  await stage.leave()
  return played
}

function isAtLeast(audit_class: string, least: ExpectedRecord['class']): boolean {
  if (least === 'ERROR' || audit_class === 'ERROR') return audit_class === least
  return statement_class_strength[audit_class as StatementClass] >= statement_class_strength[least]
}

function objectsOf(record: TrailRecord): string[] {
  return (record.objects ?? []).flatMap(({ name, access }) =>
    Array.isArray(access) ? [`${name}`, ...access.map((word) => `${name} ${word}`)] : [`${name}`],
  )
}

/** What of the record is not as expected, in words; empty when all is well. */
function differences(record: TrailRecord, expected: ExpectedRecord): string[] {
  const found: string[] = []
  const compare = (what: string, holds: boolean, seen: unknown) => {
    if (!holds) found.push(`${what}: ${JSON.stringify(seen)}`)
  }
  const outcome = expected.outcome ?? 'success'
  const sure = expected.analysis === 'sure' ? undefined : expected.analysis
  const text = record.statement?.text ?? ''
  const prepared = `${record.statement?.['prepared'] ?? ''}`
  compare('class', isAtLeast(record.class, expected.class), record.class)
  compare('outcome', record.outcome === outcome, record.outcome)
  if (expected.command !== undefined) {
    compare('command', record.command === expected.command, record.command)
  }
  if (expected.object !== undefined) {
    compare('objects', objectsOf(record).includes(expected.object), record.objects)
  }
  if (expected.sqlstate !== undefined) {
    compare('sqlstate', record.sqlstate === expected.sqlstate, record.sqlstate)
  }
  if (expected.analysis !== undefined)
    compare('analysis', record.analysis === sure, record.analysis)
  if (expected.text !== undefined) compare('text', text.includes(expected.text), text)
  if (expected.prepared !== undefined) {
    compare('prepared', prepared.includes(expected.prepared), prepared)
  }
  if (expected.parameters !== undefined) {
    const same = JSON.stringify(record.parameters) === JSON.stringify(expected.parameters)
    compare('parameters', same, record.parameters)
  }
  if (expected.rows !== undefined) compare('rows', record.rows === expected.rows, record.rows)
  if (expected.role !== undefined) {
    const role = record.session?.['role'] ?? record.session?.['user']
    compare('role', role === expected.role, record.session)
  }
  if (expected.rule !== undefined) {
    compare('rules', record.rules?.includes(expected.rule) === true, record.rules)
  }
  return found
}

function expectTrail(records: readonly TrailRecord[], trick: Trick): void {
  const expected = trick.trail.flatMap((record) =>
    Array.from({ length: record.times ?? 1 }, () => record),
  )
  const brief = ({ class: audit_class, command, outcome, statement }: TrailRecord) =>
    `${audit_class} ${command} ${outcome} ${statement?.text.slice(0, 200)}`
  expect(records.slice(0, 40).map(brief), 'one record for each').toHaveLength(
    Math.min(40, expected.length),
  )
  expect(records).toHaveLength(expected.length)
  const found = records.map((record, at) => {
    const expectation = expected[at]
    return expectation === undefined ? [] : differences(record, expectation)
  })
  expect(
    found.map((words, at) => (words.length === 0 ? '' : `${at}: ${words.join('; ')}`)),
  ).toEqual(found.map(() => ''))
}

const servers = [
  { title: 'PostgreSQL 18', version: 18, binaries: undefined },
  { title: 'PostgreSQL 15', version: 15, binaries: debian_binaries },
]

describe.each(servers)('before $title', ({ version, binaries }) => {
  const missing = binaries !== undefined && !existsSync(binaries)
  const names = [...tricks].flatMap(([name, trick]) => (works(name, trick, version) ? [name] : []))
  let postgres: ScratchPostgres | undefined
  let played = new Map<string, Played | Error>()
  let lines: readonly string[] = []
  let records: readonly TrailRecord[] = []

  beforeAll(async () => {
    if (missing) return
    const server = await startTrusting(binaries)
    postgres = server
    const proxy = await startProxy(server, proxy_settings)
    played = await playAll(names, await Stage.prepare(server, proxy, true))
    await proxy.stop()
    lines = await proxy.lines()
    records = await proxy.finish()
  }, 600_000)

  afterAll(async () => {
    await postgres?.stop()
  })

  const settled = names.filter((name) => tricks.get(name)?.works_still === undefined)
  const works_still = names.filter((name) => tricks.get(name)?.works_still !== undefined)

  it.skipIf(missing).each(settled)('%s', expectFound)

  it.skipIf(missing).fails.each(works_still)('%s', expectFound)

  function expectFound(name: string): void {
    const trick = tricks.get(name)
    const result = played.get(name)
    if (trick === undefined || result === undefined) throw new Error('it was not played')
    if (result instanceof Error) throw result
    const database = databaseOf(name)
    if (trick.answers !== undefined) expect(result.answers).toContain(trick.answers)
    expect(result.effects, 'what it does on the server').toEqual(
      trick.effect.map(([, gives]) => gives),
    )
    const own = records.filter(
      ({ session, phase }) =>
        session?.['database'] === database &&
        session['application'] !== 'probe' &&
        phase === undefined,
    )
    expectTrail(statementsOf(own), trick)
    expect(own.map(({ command }) => command)).toEqual(
      expect.arrayContaining([...(trick.events ?? [])]),
    )
    const { absent } = trick
    if (absent === undefined) return
    expect(lines.filter((line) => line.includes(absent) && line.includes(database))).toEqual([])
  }

  it.skipIf(missing)('nothing makes the two sides of the conversation disagree', () => {
    // Where backslashes escape, a text may be more statements to the server than to the grammar.
    const disagreements = records.filter(
      ({ command, message }) =>
        command === 'protocol disagreement' && message?.includes('answered of') !== true,
    )
    expect(disagreements).toEqual([])
  })
})

describe('in CSV', () => {
  const names = [...tricks].flatMap(([name, { csv }]) =>
    csv === true && wanted.test(name) ? [name] : [],
  )
  let postgres: ScratchPostgres | undefined
  let rows: readonly (readonly (string | null)[])[] = []

  beforeAll(async () => {
    const server = await startTrusting()
    postgres = server
    const proxy = await startProxy(server, { ...proxy_settings, audit: { format: 'csv' } })
    await playAll(names, await Stage.prepare(server, proxy, false))
    await proxy.stop()
    rows = readCsv((await proxy.lines()).join('\n'))
  }, 300_000)

  afterAll(async () => {
    await postgres?.stop()
  })

  it('every row has eighteen columns and the mark of pgwitness', () => {
    expect(rows.length).toBeGreaterThan(names.length)
    expect(rows.filter((row) => row.length !== 18)).toEqual([])
    expect(rows.filter(([mark]) => mark !== 'AUDIT: SESSION')).toEqual([])
  })

  it.each(names)('%s: one record stays one', (name) => {
    const trick = tricks.get(name)
    const own = rows.filter((row) => row[7] === databaseOf(name) && row[9] !== null)
    const statements = new Set(own.map((row) => row.slice(8, 11).join('/')))
    const expected = trick?.trail.reduce((sum, { times = 1 }) => sum + times, 0)
    expect(statements.size).toBe(expected)
  })
})
