import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import type { NameContext, SessionCatalog } from '../../src/catalog/names.js'
import type { OwnerName } from '../../src/sql/facts.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  brief,
  connect,
  context,
  creation,
  openSource,
  openUnconnected,
  reference,
  relation,
  resolve,
  resolveOne,
} from './fixtures.js'

let server: ScratchPostgres
let client: Client
let source: DatabaseCatalogSource
let session: SessionCatalog
let other: SessionCatalog

beforeAll(async () => {
  server = await startPostgres()
  client = await connect(server)
  await client.query(`create schema app; create table app.account (id int);
    create table public.account (id int); create table public.ledger (id int);
    create view public.totals as select l.id from ledger l, app.account a;
    create function public.f(int) returns int language sql as 'select 1';
    create function public.f(text) returns int language sql as 'select 1';
    create type public.mood as enum ('good')`)
})

beforeEach(async () => {
  source = await openSource(server)
  session = source.open('postgres')
  other = source.open('postgres')
  await source.refresh('postgres')
})

afterEach(async () => {
  await source.close()
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

function nameIn(names: SessionCatalog, name: string, in_context?: NameContext): string {
  return brief(resolveOne(names, relation(name), in_context))
}

test('a new table is seen by its session at once and by all others after COMMIT', () => {
  const path = context({ search_path: ['app', 'public'] })
  session.apply(creation(relation('fresh')), path)
  expect(nameIn(session, 'fresh', path)).toBe('app.fresh (catalog)')
  expect(nameIn(other, 'fresh', path)).toBe('fresh (none)')
  const before = other.version
  session.commit()
  expect(nameIn(other, 'fresh', path)).toBe('app.fresh (catalog)')
  expect(other.version).not.toBe(before)
  expect(session.version).toBe(other.version)
})

test('ROLLBACK takes everything back', () => {
  const before = session.version
  session.apply(creation(relation('fresh')), context())
  session.apply({ change: 'drop', object: relation('ledger'), missing_ok: false }, context())
  expect(nameIn(session, 'ledger')).toBe('ledger (none)')
  expect(session.version).not.toBe(before)
  session.rollback()
  expect(nameIn(session, 'ledger')).toBe('public.ledger (catalog)')
  expect(nameIn(session, 'fresh')).toBe('fresh (none)')
  expect(session.version).toBe(before)
})

test('savepoints of one name shadow each other; RELEASE keeps what came since', () => {
  const make = (name: string) => session.apply(creation(relation(name)), context())
  make('one')
  session.savepoint('s')
  make('two')
  session.savepoint('s')
  make('three')
  session.rollback_to('s')
  expect(nameIn(session, 'three')).toBe('three (none)')
  make('four')
  session.rollback_to('s')
  expect(nameIn(session, 'four')).toBe('four (none)')
  session.release('s')
  make('five')
  expect(nameIn(session, 'two')).toBe('public.two (catalog)')
  session.rollback_to('s')
  expect(['one', 'two', 'five'].map((name) => nameIn(session, name))).toEqual([
    'public.one (catalog)',
    'two (none)',
    'five (none)',
  ])
  session.rollback_to('unknown')
  session.commit()
  expect(nameIn(other, 'one')).toBe('public.one (catalog)')
})

test('a change behind a savepoint does not make it forgotten', () => {
  const change = (act: () => void) => {
    // As the session does before each of them.
    act()
  }
  change(() => session.apply(creation(relation('kept')), context()))
  change(() => session.savepoint('outer'))
  change(() => session.savepoint('inner'))
  const object = relation('kept')
  change(() => session.apply({ change: 'drop', object, missing_ok: false }, context()))
  expect(nameIn(session, 'kept')).toBe('kept (none)')
  session.rollback_to('inner')
  expect(nameIn(session, 'kept')).toBe('public.kept (catalog)')
  change(() => session.apply({ change: 'rename', object, new_name: 'renamed' }, context()))
  session.rollback_to('outer')
  expect(nameIn(session, 'kept')).toBe('public.kept (catalog)')
  session.rollback()
})

test('rename and move keep what is known of a relation, and views follow their bases', () => {
  session.apply({ change: 'rename', object: relation('ledger'), new_name: 'Book' }, context())
  session.apply({ change: 'move', object: relation('Book'), new_schema: 'app' }, context())
  expect(nameIn(session, 'ledger')).toBe('ledger (none)')
  expect(resolveOne(session, relation('app.Book'))).toMatchObject({
    name: 'app."Book"',
    owner: 'postgres',
    resolved: 'catalog',
  })
  const bases = () => resolve(session, relation('totals')).objects.map((object) => object.name)
  expect(bases().sort()).toEqual(['app."Book"', 'app.account', 'public.totals'])
  session.apply({ change: 'rename_schema', name: 'app', new_name: 'application' }, context())
  expect(bases().sort()).toEqual(['application."Book"', 'application.account', 'public.totals'])
  session.commit()
  expect(nameIn(other, 'application.account')).toBe('application.account (catalog)')
  expect(nameIn(other, 'app.account')).toBe('app.account (none)')
})

test('schemas are made, exchanged and dropped with all that is in them', () => {
  session.apply({ change: 'create_schema', name: 'fresh' }, context())
  const in_fresh = context({ search_path: ['fresh'] })
  session.apply(creation(relation('t')), in_fresh)
  const swap = [
    ['fresh', 'aside'],
    ['app', 'fresh'],
    ['aside', 'app'],
  ] as const
  for (const [name, new_name] of swap) {
    session.apply({ change: 'rename_schema', name, new_name }, context())
  }
  const check = (names: SessionCatalog) => {
    expect(nameIn(names, 'app.t')).toBe('app.t (catalog)')
    expect(nameIn(names, 'fresh.account')).toBe('fresh.account (catalog)')
    expect(nameIn(names, 'fresh.t')).toBe('fresh.t (none)')
    expect(nameIn(names, 'app.account')).toBe('app.account (none)')
  }
  check(session)
  session.commit()
  check(other)
  other.apply({ change: 'drop_schema', name: 'fresh' }, context())
  expect(nameIn(other, 'fresh.account')).toBe('fresh.account (none)')
  other.rollback()
  expect(nameIn(other, 'fresh.account')).toBe('fresh.account (catalog)')
})

test('CREATE SCHEMA IF NOT EXISTS of one that exists hides nothing', () => {
  session.apply({ change: 'create_schema', name: 'app' }, context())
  expect(nameIn(session, 'app.account')).toBe('app.account (catalog)')
})

test('temporary relations shadow others, outlive the transaction, stay with their session', () => {
  const temporary = relation('account', { temporary: true })
  session.apply(creation(temporary), context())
  session.apply(
    creation(relation('passing', { temporary: true }), { on_commit_drop: true }),
    context(),
  )
  expect(nameIn(session, 'passing')).toBe('pg_temp.passing (catalog)')
  session.commit()
  expect(nameIn(session, 'account')).toBe('pg_temp.account (catalog)')
  expect(nameIn(session, 'passing')).toBe('passing (none)')
  expect(nameIn(other, 'account')).toBe('public.account (catalog)')
  expect(nameIn(session, 'account', context({ search_path: ['public', 'pg_temp'] }))).toBe(
    'public.account (catalog)',
  )
  session.discard_temporary()
  expect(nameIn(session, 'account')).toBe('public.account (catalog)')
  session.rollback()
  expect(nameIn(session, 'account')).toBe('pg_temp.account (catalog)')
  session.apply({ change: 'drop', object: relation('account'), missing_ok: false }, context())
  session.commit()
  expect(nameIn(session, 'account')).toBe('public.account (catalog)')
  expect(session.version).toBe(other.version)
})

test.each([
  [
    'a CASCADE is unread',
    () => session.apply({ change: 'refresh', doubts: ['objects'] }, context()),
  ],
  ['code may have dropped it', () => session.doubt_temporary()],
])('a temporary table is dropped and moved by its session while %s', (_, doubt) => {
  const make = (name: string) => {
    session.apply(creation(relation(name, { temporary: true })), context())
    session.commit()
  }
  const drop = (name: string) => {
    session.apply({ change: 'drop', object: relation(name), missing_ok: false }, context())
    session.commit()
  }
  make('account')
  doubt()
  drop('account')
  expect(nameIn(session, 'account')).toMatch(/^public\.account/)
  make('account')
  drop('pg_temp.account')
  expect(nameIn(session, 'account')).toMatch(/^public\.account/)
  make('account')
  session.apply({ change: 'rename', object: relation('account'), new_name: 'mine' }, context())
  expect(nameIn(session, 'account')).toMatch(/^public\.account/)
})

test('a temporary table is certain although a CASCADE is unread, unless the path has it last', () => {
  session.apply(creation(relation('account', { temporary: true })), context())
  session.commit()
  session.apply({ change: 'refresh', doubts: ['objects'] }, context())
  expect(nameIn(session, 'account')).toBe('pg_temp.account (catalog)')
  const last = context({ search_path: ['public', 'pg_temp'] })
  expect(nameIn(session, 'account', last)).toBe('public.account (assumed)')
})

test('a view over a temporary table is temporary', () => {
  session.apply(creation(relation('mine', { temporary: true })), context())
  const view = relation('v', { type: 'VIEW', creates: true })
  const sources = [relation('mine')]
  const text = { ...view, access: ['create'] as const }
  expect(resolve(session, text).objects[0]?.name).toBe('public.v')
  session.apply(creation(view, { relkind: 'v', sources }), context())
  expect(nameIn(session, 'v')).toBe('pg_temp.v (catalog)')
  expect(resolve(session, relation('v')).objects.map((object) => object.name)).toEqual([
    'pg_temp.v',
    'pg_temp.mine',
  ])
})

test('functions go by overload, types by name, IF NOT EXISTS changes nothing', () => {
  const f = reference('function', 'f', { arguments: '(integer)' })
  session.apply({ change: 'drop', object: f, missing_ok: false }, context())
  expect(brief(resolveOne(session, reference('function', 'f')))).toBe('public.f (catalog)')
  session.apply({ change: 'drop', object: f, missing_ok: false }, context())
  expect(brief(resolveOne(session, reference('function', 'f')))).toBe('f (none)')
  const mood = reference('type', 'mood')
  session.apply({ change: 'rename', object: mood, new_name: 'temper' }, context())
  expect(brief(resolveOne(session, reference('type', 'temper')))).toBe('public.temper (catalog)')
  session.apply(creation(relation('account'), { if_not_exists: true }), context())
  expect(resolveOne(session, relation('account'))).toMatchObject({ owner: 'postgres' })
  session.rollback()
})

test('another owner is known at once, to all after COMMIT, and to nobody after ROLLBACK', () => {
  const owner = (names: SessionCatalog, name: string) => resolveOne(names, relation(name)).owner
  const give = (name: string, new_owner: OwnerName) =>
    session.apply({ change: 'own', object: relation(name), owner: new_owner }, as_bob)
  const as_bob = context({ session_user: 'alice', current_user: 'bob' })
  give('ledger', { role: 'carol' })
  session.savepoint('s')
  give('ledger', { keyword: 'current_user' })
  expect(owner(session, 'ledger')).toBe('bob')
  expect(owner(other, 'ledger')).toBe('postgres')
  session.rollback_to('s')
  expect(owner(session, 'ledger')).toBe('carol')
  session.commit()
  expect(owner(other, 'ledger')).toBe('carol')
  give('ledger', { keyword: 'session_user' })
  expect(owner(session, 'ledger')).toBe('alice')
  session.rollback()
  expect(owner(session, 'ledger')).toBe('carol')
  const f = reference('function', 'f', { type: 'FUNCTION', arguments: '(integer)' })
  session.apply({ change: 'own', object: f, owner: { role: 'carol' } }, as_bob)
  expect(resolveOne(session, { ...f, access: ['execute'] }).owner).toBeUndefined()
})

test('PREPARE TRANSACTION parks the changes until any session commits them', () => {
  session.apply(creation(relation('parked')), context())
  session.prepare_transaction('gid')
  expect(nameIn(session, 'parked')).toBe('parked (none)')
  other.commit_prepared('gid')
  expect(nameIn(session, 'parked')).toBe('public.parked (catalog)')
  session.apply(creation(relation('dropped')), context())
  session.prepare_transaction('gid')
  other.rollback_prepared('gid')
  expect(nameIn(other, 'dropped')).toBe('dropped (none)')
})

describe('without a side connection', () => {
  test('what sessions make is known to all, where they made it', async () => {
    const unconnected = openUnconnected()
    const [one, two] = [unconnected.open('db'), unconnected.open('db')]
    const path = context({ search_path: ['app', 'public'] })
    one.apply(creation(relation('public.elsewhere')), path)
    expect(nameIn(one, 'elsewhere', path)).toBe('public.elsewhere (assumed)')
    expect(nameIn(two, 'elsewhere', path)).toBe('app.elsewhere (assumed)')
    one.commit()
    expect(nameIn(two, 'elsewhere', path)).toBe('public.elsewhere (assumed)')
    expect(nameIn(two, 'elsewhere', context({ search_path: undefined }))).toBe(
      'public.elsewhere (assumed)',
    )
    one.close()
    two.close()
    expect(nameIn(unconnected.open('db'), 'elsewhere', path)).toBe('public.elsewhere (assumed)')
    await unconnected.close()
  })
})

test('a composite type is a relation, too, from its CREATE to its DROP', () => {
  const type = reference('type', 'pair')
  session.apply(
    { change: 'create', object: { ...type, creates: true }, relkind: 'c', if_not_exists: false },
    context(),
  )
  expect(nameIn(session, 'pair')).toBe('public.pair (catalog)')
  session.apply({ change: 'rename', object: type, new_name: 'couple' }, context())
  expect(brief(resolveOne(session, reference('type', 'couple')))).toBe('public.couple (catalog)')
  session.apply(
    { change: 'drop', object: reference('type', 'couple'), missing_ok: false },
    context(),
  )
  expect(nameIn(session, 'couple')).toBe('couple (none)')
})

test('CREATE OR REPLACE makes no second function of the same arguments', () => {
  const create = (types: string) =>
    session.apply(
      {
        change: 'create',
        object: reference('function', 'fresh', {
          type: 'FUNCTION',
          creates: true,
          arguments: types,
        }),
        relkind: '',
        if_not_exists: false,
      },
      context(),
    )
  create('(integer)')
  create('(integer)')
  const named = reference('function', 'fresh')
  expect(resolveOne(session, named).name).toBe('public.fresh(integer)')
  create('(text)')
  expect(resolveOne(session, named).name).toBe('public.fresh')
})
