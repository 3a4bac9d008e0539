import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { brief, connect, context, creation, openSource, relation, statement } from './fixtures.js'

let server: ScratchPostgres
let source: DatabaseCatalogSource

beforeAll(async () => {
  server = await startPostgres()
  const client = await connect(server)
  await client.query(`CREATE SCHEMA finance; CREATE TABLE finance.account (id int);
    CREATE VIEW finance.summary AS SELECT * FROM finance.account`)
  await client.end()
  source = await openSource(server)
  source.open('postgres')
  await source.refresh('postgres')
})

afterAll(async () => {
  await source.close()
  await server.stop()
})

describe('a plan keeps the names that it was made with (corner 22)', () => {
  const in_path = context({ search_path: ['finance', 'public'] })
  const shadow = creation(relation('account', { temporary: true }))
  const text = statement(relation('account'))

  test.each([
    ['statement', ['pg_temp.account (assumed)', 'finance.account (assumed)']],
    ['portal', ['finance.account (catalog)']],
  ] as const)('as a %s, where another table comes to stand before its own', (made, expected) => {
    const session = source.open('postgres')
    const plan = session.plan(made, text, in_path)
    const meaning = () => session.resolve(text, in_path, plan).objects.map(brief)
    expect(meaning()).toEqual(['finance.account (catalog)'])
    session.apply(shadow, in_path)
    expect(session.resolve(text, in_path).objects.map(brief)).toEqual(['pg_temp.account (catalog)'])
    expect(meaning()).toEqual(expected)
    session.close()
  })

  test('which count as granted: nobody has asked for their grants since', async () => {
    const audited = await openSource(server, { audit_role: 'pg_monitor' })
    const session = audited.open('postgres')
    await audited.refresh('postgres')
    const plan = session.plan('statement', text, in_path)
    expect(session.resolve(text, in_path, plan).objects[0]?.audited).toBeUndefined()
    session.apply(shadow, in_path)
    expect(session.resolve(text, in_path, plan).objects).toMatchObject([
      { name: 'pg_temp.account' },
      { name: 'finance.account', audited: true },
    ])
    await audited.close()
  })

  test('until it is made again for another path', () => {
    const session = source.open('postgres')
    const plan = session.plan('statement', text, in_path)
    session.apply(shadow, in_path)
    const other_path = context({ search_path: ['public'] })
    for (const at of [other_path, in_path]) {
      const { objects } = session.resolve(text, at, plan)
      expect(objects.map(brief)).toEqual(['pg_temp.account (catalog)'])
    }
    session.close()
  })

  test('beside what only the statement that runs it names', () => {
    const session = source.open('postgres')
    const plan = session.plan('statement', text, in_path)
    session.apply(shadow, in_path)
    const runs = statement(relation('loot', { creates: true }), ...text.objects)
    expect(session.resolve(runs, in_path, plan).objects.map(brief)).toEqual([
      'finance.loot (catalog)',
      'pg_temp.account (assumed)',
      'finance.account (assumed)',
    ])
    session.close()
  })

  test('of a view, whose tables are those that it has now', () => {
    const session = source.open('postgres')
    const of_view = statement(relation('summary'))
    const plan = session.plan('statement', of_view, in_path)
    const meaning = () => session.resolve(of_view, in_path, plan).objects.map(brief)
    expect(meaning()).toEqual(['finance.summary (catalog)', 'finance.account (catalog)'])
    session.apply({ change: 'rename', object: relation('account'), new_name: 'old' }, in_path)
    expect(meaning()).toEqual(['finance.summary (catalog)', 'finance.old (catalog)'])
    session.close()
  })

  test('but not for what looks its names up as it runs', () => {
    const session = source.open('postgres')
    const drop = { ...text, node: 'DropStmt' }
    expect(session.plan('statement', drop, in_path)).toBeUndefined()
    session.close()
  })
})
