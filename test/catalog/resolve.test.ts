import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import type { SessionCatalog } from '../../src/catalog/names.js'
import { quoteIdentifier } from '../../src/catalog/quote-identifier.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  brief,
  connect,
  context,
  openSource,
  openUnconnected,
  reference,
  relation,
  resolve,
  resolveOne,
  statement,
} from './fixtures.js'

const schema_sql = `
  create role alice; create role bob; create role reader_of_all in role pg_read_all_data;
  create role team; create role carol in role team; create role loner noinherit in role team;
  create schema alice authorization alice;
  create schema finance; grant usage on schema finance to team;
  create schema closed;
  create schema "Odd Name"; grant usage on schema "Odd Name" to public;
  create table public.account (id int primary key, owner text);
  create table alice.account (id int); create table finance.account (id int);
  create table closed.account (id int); create table closed.secret (id int);
  create table finance.ledger (id int); create table "Odd Name"."Order" (id int);
  create table public.pg_class (id int);
  create view finance.balance as select l.id from finance.ledger l, public.account a;
  create view public.summary as select b.id from finance.balance b, closed.secret s;
  create view public.sizes as select relname from pg_catalog.pg_class;
  create view public.columns_of as select column_name from information_schema.columns;
  create materialized view finance.month as select id as n from finance.balance;
  create sequence public.counter; create index account_owner on public.account (owner);
  create type public.pair as (a int, b int); create domain finance.amount as numeric;
  create table public.parted (id int) partition by range (id);
  create function finance.post(int) returns int language sql as 'select 1';
  create function public.lower(point) returns text language sql as 'select 1::text';
  create function public.twice(int) returns int language sql as 'select 1';
  create procedure public.twice(text) language sql as 'select 1';
  alter function public.twice(int) owner to alice;
  alter table finance.ledger owner to alice;`

let server: ScratchPostgres
let client: Client
let source: DatabaseCatalogSource
let names: SessionCatalog

beforeAll(async () => {
  server = await startPostgres()
  client = await connect(server)
  await client.query(schema_sql)
  source = await openSource(server)
  names = source.open('postgres')
  await source.refresh('postgres')
})

afterAll(async () => {
  await client.end()
  await source.close()
  await server.stop()
})

/** What the server itself makes of a relation's name in a role's session. */
async function askServer(role: string, search_path: readonly string[], name: string) {
  await client.query(`set role ${role}`)
  const path = search_path.map((item) => client.escapeLiteral(item)).join(', ')
  await client.query(`set search_path to ${path}`)
  const result = await client.query<[string | null, string | null]>({
    text: `select quote_ident(n.nspname) || '.' || quote_ident(c.relname), current_schema()
      from (select) one left join pg_catalog.pg_class c on c.oid = to_regclass($1)
        left join pg_catalog.pg_namespace n on n.oid = c.relnamespace`,
    values: [client.escapeIdentifier(name)],
    rowMode: 'array',
  })
  await client.query('reset role; reset search_path')
  const [found = null, creation = null] = result.rows[0] ?? []
  return { name: found, creation }
}

describe('the search path means what it means to the server', () => {
  const roles = ['postgres', 'alice', 'bob', 'carol', 'loner', 'reader_of_all']
  const paths = [
    ['$user', 'public'],
    ['finance', 'public'],
    ['closed', 'finance', 'public'],
    ['public', 'pg_catalog'],
    ['nowhere', 'Odd Name', 'closed'],
    ['public', 'pg_temp'],
    [''],
  ]
  const relations = ['account', 'ledger', 'secret', 'Order', 'pg_class', 'pg_roles', 'nothing']
  for (const role of roles) {
    test(`for ${role}`, async () => {
      for (const search_path of paths) {
        const in_context = context({ current_user: role, search_path })
        for (const name of relations) {
          const expected = await askServer(role, search_path, name)
          const { objects, missing } = resolve(names, relation(name), in_context)
          const where = `${role} ${search_path} ${name}`
          const found = objects[0]
          expect(missing, where).toBe(expected.name === null)
          expect(found?.name, where).toBe(expected.name ?? quoteIdentifier(name))
          expect(found?.resolved, where).toBe(expected.name === null ? 'none' : 'catalog')
          const created = resolveOne(names, relation('fresh', { creates: true }), in_context)
          const creation = expected.creation
          expect(created.name, where).toBe(
            creation === null ? 'fresh' : `${quoteIdentifier(creation)}.fresh`,
          )
        }
      }
    })
  }
})

test('identifiers are quoted as the server quotes them, every keyword among them', async () => {
  const words = ['plain', 'Upper', 'with space', 'a"b', 'é', '1st', 'a$b', '_x', '']
  const keywords = await client.query('select word from pg_get_keywords()')
  words.push(...keywords.rows.map((row) => row.word))
  const quoted = await client.query<[string]>({
    text: 'select quote_ident(word) from unnest($1::text[]) with ordinality as w(word, n) order by n',
    values: [words],
    rowMode: 'array',
  })
  expect(words.map(quoteIdentifier)).toEqual(quoted.rows.map((row) => row[0]))
})

test('a path that names pg_temp first creates there, and temporary objects always go there', () => {
  const temporary_first = context({ search_path: ['pg_temp', 'public'] })
  expect(brief(resolveOne(names, relation('t', { creates: true }), temporary_first))).toBe(
    'pg_temp.t (catalog)',
  )
  const asked = relation('t', { creates: true, temporary: true })
  expect(brief(resolveOne(names, asked))).toBe('pg_temp.t (catalog)')
  const into_nowhere = relation('nowhere.t', { creates: true })
  expect(resolve(names, into_nowhere)).toMatchObject({
    missing: true,
    objects: [{ name: 'nowhere.t', resolved: 'none' }],
  })
})

test('types, owners and classes come from the catalog', () => {
  const types = ['account', 'summary', 'counter', 'account_owner', 'pair', 'parted'].map(
    (name) => resolveOne(names, relation(name)).type,
  )
  expect(types).toEqual(['TABLE', 'VIEW', 'SEQUENCE', 'INDEX', 'COMPOSITE TYPE', 'TABLE'])
  expect(resolveOne(names, relation('finance.month')).type).toBe('MATERIALIZED VIEW')
  expect(resolveOne(names, relation('finance.ledger'))).toEqual({
    name: 'finance.ledger',
    type: 'TABLE',
    class: 'READ',
    access: ['select'],
    owner: 'alice',
    resolved: 'catalog',
  })
  expect(resolveOne(names, relation('account', { type: 'TABLE COLUMN' })).type).toBe('TABLE COLUMN')
  const domain = resolveOne(names, reference('type', 'finance.amount'))
  expect(domain).toMatchObject({ name: 'finance.amount', owner: 'postgres', resolved: 'catalog' })
  expect(brief(resolveOne(names, reference('type', 'pair')))).toBe('public.pair (catalog)')
  expect(brief(resolveOne(names, reference('type', 'account')))).toBe('public.account (catalog)')
})

test('qualified names: found, not found, and in schemas that are not loaded', () => {
  expect(brief(resolveOne(names, relation('closed.secret')))).toBe('closed.secret (catalog)')
  expect(resolve(names, relation('closed.nothing'))).toMatchObject({
    missing: true,
    objects: [{ name: 'closed.nothing', resolved: 'none' }],
  })
  expect(brief(resolveOne(names, relation('pg_toast.pg_toast_1')))).toBe(
    'pg_toast.pg_toast_1 (assumed)',
  )
  expect(brief(resolveOne(names, relation('pg_temp.nothing')))).toBe('pg_temp.nothing (none)')
  expect(brief(resolveOne(names, relation('pg_catalog.pg_class')))).toBe(
    'pg_catalog.pg_class (catalog)',
  )
})

test('functions: with arguments in DDL, the path without pg_temp, overloads across schemas', () => {
  const path = context({ search_path: ['finance', 'public'] })
  const dropped = reference('function', 'twice', { arguments: '(integer)', access: ['drop'] })
  expect(resolveOne(names, dropped, path)).toMatchObject({ name: 'public.twice(integer)' })
  const call = (name: string) => reference('function', name, { access: ['execute'] })
  expect(resolveOne(names, call('post'), path)).toMatchObject({
    name: 'finance.post',
    owner: 'postgres',
    resolved: 'catalog',
  })
  expect(resolveOne(names, call('twice'), path)).not.toHaveProperty('owner')
  expect(brief(resolveOne(names, call('lower'), path))).toBe('public.lower (assumed)')
  expect(brief(resolveOne(names, call('now'), path))).toBe('pg_catalog.now (catalog)')
})

test('a function of the user counts where a call may reach it instead of a built-in one', () => {
  const called = (search_path: readonly string[] | undefined, ...calls: string[]) =>
    names
      .resolve({ ...statement(), built_in_calls: calls }, context({ search_path }))
      .objects.map(brief)
  expect(called(['public'], 'lower', 'upper')).toEqual(['public.lower (assumed)'])
  expect(called(['finance'], 'lower')).toEqual([])
  expect(called(undefined, 'lower')).toEqual(['public.lower (assumed)'])
})

test('sub-objects are named on their table, indexes live in the schema of theirs', () => {
  const path = context({ search_path: ['finance', 'public'] })
  const on = { name: 'ledger' }
  const trigger = reference('schema_object', 'Stamp', { type: 'TRIGGER', on })
  expect(resolveOne(names, trigger, path)).toMatchObject({
    name: '"Stamp" on finance.ledger',
    type: 'TRIGGER',
    resolved: 'catalog',
  })
  const index = relation('by_id', {
    type: 'INDEX',
    creates: true,
    on: { schema: 'alice', name: 'account' },
  })
  expect(brief(resolveOne(names, index, path))).toBe('alice.by_id (catalog)')
  const unnamed = relation('', { type: 'INDEX', creates: true, on })
  expect(resolveOne(names, unnamed, path)).toMatchObject({ name: 'finance.ledger', type: 'TABLE' })
})

test('what lives in no schema, or is not in the snapshot, keeps its name', () => {
  const schema = reference('global', 'closed', { type: 'SCHEMA' })
  expect(resolveOne(names, schema)).toMatchObject({ name: 'closed', resolved: 'catalog' })
  const role = reference('global', 'Nobody Yet', { type: 'ROLE' })
  expect(brief(resolveOne(names, role))).toBe('"Nobody Yet" (assumed)')
  const operator = reference('schema_object', 'finance.===', { type: 'OPERATOR' })
  expect(brief(resolveOne(names, operator))).toBe('finance.=== (assumed)')
  const family = reference('schema_object', 'finance.byId', { arguments: ' USING btree' })
  expect(brief(resolveOne(names, family))).toBe('finance."byId" USING btree (assumed)')
  const mapping = reference('global', 'carol on server files', { type: 'USER MAPPING' })
  expect(brief(resolveOne(names, mapping))).toBe('carol on server files (assumed)')
})

describe('views', () => {
  const through = (name: string, changes = {}) =>
    resolve(names, relation(name, changes)).objects.map(
      (object) => `${object.type} ${object.name} ${object.access} via ${object.via ?? '-'}`,
    )

  test('are expanded to everything that they are made of, through views', () => {
    expect(through('summary').sort()).toEqual([
      'TABLE closed.secret select via public.summary',
      'TABLE finance.ledger select via public.summary',
      'TABLE public.account select via public.summary',
      'VIEW finance.balance select via public.summary',
      'VIEW public.summary select via -',
    ])
  })

  test('pass on what is done to them, with its class', () => {
    const access = ['update', 'select', 'grant'] as const
    const [view, ...bases] = resolve(
      names,
      relation('finance.balance', { access: [...access], class: 'WRITE', columns: ['id'] }),
    ).objects
    expect(view).toMatchObject({ columns: ['id'], class: 'WRITE' })
    expect(bases).toHaveLength(2)
    for (const base of bases) {
      expect(base).toMatchObject({ access: ['update', 'select'], class: 'WRITE' })
      expect(base).not.toHaveProperty('columns')
    }
    expect(through('finance.balance', { access: ['drop'] })).toHaveLength(1)
  })

  test('over the catalogs name them; those of the server itself are not expanded', () => {
    expect(through('sizes')).toContain('TABLE pg_catalog.pg_class select via public.sizes')
    expect(through('columns_of')).toEqual([
      'VIEW public.columns_of select via -',
      'VIEW information_schema.columns select via public.columns_of',
    ])
    expect(through('pg_catalog.pg_roles')).toHaveLength(1)
    expect(through('finance.month')).toHaveLength(1)
  })
})

test('an unknown search path: a name of one schema is assumed, one of several is not resolved', () => {
  const unknown = context({ search_path: undefined })
  expect(brief(resolveOne(names, relation('ledger'), unknown))).toBe('finance.ledger (assumed)')
  expect(resolve(names, relation('account'), unknown)).toMatchObject({
    missing: false,
    objects: [{ name: 'account', resolved: 'none' }],
  })
  expect(resolve(names, relation('nothing'), unknown).missing).toBe(true)
  const created = relation('fresh', { creates: true })
  expect(brief(resolveOne(names, created, unknown))).toBe('fresh (none)')
})

test('doubt makes what hangs on it assumed', () => {
  const doubted = context({ search_path_doubted: true })
  expect(brief(resolveOne(names, relation('account'), doubted))).toBe('public.account (assumed)')
  expect(brief(resolveOne(names, relation('closed.secret'), doubted))).toBe(
    'closed.secret (catalog)',
  )
  const session = source.open('postgres')
  session.doubt_temporary()
  expect(brief(resolveOne(session, relation('account')))).toBe('public.account (assumed)')
  expect(brief(resolveOne(session, relation('public.account')))).toBe('public.account (catalog)')
  const temporary_last = context({ search_path: ['public', 'pg_temp'] })
  expect(brief(resolveOne(session, relation('account'), temporary_last))).toBe(
    'public.account (catalog)',
  )
  session.discard_temporary()
  expect(brief(resolveOne(session, relation('account')))).toBe('public.account (catalog)')
  session.close()
})

test('a role that the snapshot does not know makes names assumed and asks for a refresh', () => {
  const stranger = context({ current_user: 'stranger' })
  expect(resolve(names, relation('account'), stranger)).toMatchObject({
    missing: true,
    objects: [{ name: 'public.account', resolved: 'assumed' }],
  })
})

describe('without a side connection', () => {
  const session = openUnconnected().open('postgres')

  test('names are assumed from the path, the prefix pg_ and the text', () => {
    const path = context({ search_path: ['$user', 'app', 'public'] })
    expect(brief(resolveOne(session, relation('account'), path))).toBe('app.account (assumed)')
    expect(brief(resolveOne(session, relation('a.b'), path))).toBe('a.b (assumed)')
    expect(brief(resolveOne(session, relation('pg_roles'), path))).toBe(
      'pg_catalog.pg_roles (assumed)',
    )
    expect(brief(resolveOne(session, relation('t', { creates: true }), path))).toBe(
      'app.t (assumed)',
    )
    const system_first = context({ search_path: ['pg_catalog', 'public'] })
    expect(brief(resolveOne(session, relation('t'), system_first))).toBe('public.t (assumed)')
  })

  test('a path of very many schemas costs no more than they are, and so do many names', () => {
    const schemas = Array.from({ length: 200_000 }, (_, index) => `s${index}`)
    const path = context({ search_path: [...schemas, ...schemas] })
    expect(brief(resolveOne(session, relation('account'), path))).toBe('s0.account (assumed)')
    const names = Array.from({ length: 20_000 }, (_, index) => relation(`t${index}`))
    const { objects } = session.resolve(statement(...names), path)
    expect(objects.map(brief).slice(0, 5)).toEqual([
      ...['s0.t0 (assumed)', 's0.t1 (assumed)', 's0.t2 (assumed)', 's0.t3 (assumed)'],
      't4 (none)',
    ])
    expect(objects).toHaveLength(names.length)
  })

  test('an unknown path resolves nothing and asks for nothing', () => {
    const unknown = context({ search_path: undefined })
    expect(resolve(session, relation('account'), unknown)).toEqual({
      missing: false,
      objects: [
        { name: 'account', type: 'TABLE', class: 'READ', access: ['select'], resolved: 'none' },
      ],
    })
    expect(session.default_settings('postgres').size).toBe(0)
  })
})

test('a resolution is kept until something changes that it depends on', () => {
  const text = statement(relation('account'))
  const first = names.resolve(text, context())
  expect(names.resolve(text, context())).toBe(first)
  const other = source.open('postgres')
  expect(other.resolve(text, context())).toBe(first)
  expect(other.version).toBe(names.version)
  other.close()
  const elsewhere = names.resolve(text, context({ search_path: ['finance'] }))
  expect(elsewhere.objects[0]?.name).toBe('finance.account')
  expect(names.resolve(text, context())).toBe(first)
})

test('a resolution is that of all statements that share an analysis, unless they name more', () => {
  const text = statement(relation('account'))
  const first = names.resolve(text, context())
  expect(names.resolve({ ...text, text: 'of its own', analysed_as: text }, context())).toBe(first)
  const more = [...text.objects, relation('finance.ledger')]
  const joined = names.resolve({ ...text, objects: more, analysed_as: text }, context())
  expect(joined.objects.map(({ name }) => name)).toEqual(['public.account', 'finance.ledger'])
  const calling = { ...text, built_in_calls: ['lower'], analysed_as: text }
  expect(names.resolve(calling, context()).objects.length).toBeGreaterThan(1)
})

test('CURRENT_USER is whoever that is', () => {
  const alice = context({ current_user: 'alice' })
  const role = reference('global', 'current_user', { type: 'ROLE' })
  expect(brief(resolveOne(names, role, alice))).toBe('alice (catalog)')
  const mapping = reference('global', 'current_role on server files', { type: 'USER MAPPING' })
  expect(brief(resolveOne(names, mapping, alice))).toBe('alice on server files (assumed)')
})

test('DDL that names the only routine of a name means it with its arguments', () => {
  const post = reference('function', 'finance.post', { access: ['alter'], type: 'ROUTINE' })
  expect(resolveOne(names, post)).toMatchObject({ name: 'finance.post(integer)', type: 'FUNCTION' })
  const called = reference('function', 'finance.post', { access: ['execute'] })
  expect(resolveOne(names, called).name).toBe('finance.post')
  // Of two the server would have asked which; the text with arguments says it.
  const twice = reference('function', 'public.twice', { access: ['alter'], type: 'ROUTINE' })
  expect(resolveOne(names, twice)).toMatchObject({ name: 'public.twice', type: 'ROUTINE' })
})

test('a materialized view is read by itself, and what it is made of when it is filled', () => {
  const read = resolve(names, relation('finance.month', { access: ['select'] }))
  expect(read.objects.map(({ name }) => name)).toEqual(['finance.month'])
  const refreshed = relation('finance.month', { class: 'DDL', access: ['alter', 'insert'] })
  expect(resolve(names, refreshed).objects).toMatchObject([
    { name: 'finance.month', type: 'MATERIALIZED VIEW', class: 'DDL' },
    { name: 'finance.balance', class: 'READ', access: ['select'], via: 'finance.month' },
    { class: 'READ', access: ['select'], via: 'finance.month' },
    { class: 'READ', access: ['select'], via: 'finance.month' },
  ])
})
