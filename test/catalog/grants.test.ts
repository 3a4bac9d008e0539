import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import type { SessionCatalog } from '../../src/catalog/names.js'
import type { Access } from '../../src/sql/facts.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { connect, context, creation, openSource, relation, resolve } from './fixtures.js'

const schema_sql = `
  create role watched; create role inherited; create role not_inherited;
  create role "the auditor"; create role root superuser; grant watched, inherited to "the auditor";
  grant not_inherited to "the auditor" with inherit false;
  create table account (id int, name text, password text);
  grant select (password), update (name) on account to "the auditor";
  create table payment (id int); grant insert, update on payment to watched;
  create table hidden (id int); grant select on hidden to not_inherited;
  create table everyone (id int); grant select on everyone to public;
  create table owned (id int); alter table owned owner to "the auditor";
  create view account_names as select name from account;
  create view payments as select * from payment; grant select on payments to inherited;
  create schema ours; alter default privileges in schema ours grant delete on tables to watched;`

let server: ScratchPostgres
let client: Client
let source: DatabaseCatalogSource
let names: SessionCatalog

beforeAll(async () => {
  server = await startPostgres()
  client = await connect(server)
  await client.query(schema_sql)
  source = await openSource(server, { audit_role: 'the auditor' })
  names = source.open('postgres')
  await source.refresh('postgres')
})

afterAll(async () => {
  await client.end()
  await source.close()
  await server.stop()
})

/** Names of the objects that object auditing marks. */
function auditedObjects(name: string, access: readonly Access[], columns?: readonly string[]) {
  const object = relation(name, { access, ...(columns === undefined ? {} : { columns }) })
  return resolve(names, object)
    .objects.filter((found) => found.audited)
    .map((found) => found.name)
}

test('grants on a table to the role or to one that it inherits', () => {
  expect(auditedObjects('payment', ['insert'])).toEqual(['public.payment'])
  expect(auditedObjects('payment', ['select', 'update'])).toEqual(['public.payment'])
  expect(auditedObjects('payment', ['select'])).toEqual([])
  expect(auditedObjects('payment', ['delete'])).toEqual([])
  expect(auditedObjects('payment', ['truncate', 'alter', 'drop', 'reference'])).toEqual([])
})

test('what does not count: grants not inherited, PUBLIC, ownership', () => {
  expect(auditedObjects('hidden', ['select'])).toEqual([])
  expect(auditedObjects('everyone', ['select'])).toEqual([])
  expect(auditedObjects('owned', ['select', 'insert', 'update', 'delete'])).toEqual([])
})

test('grants on columns match the columns of the statement', () => {
  expect(auditedObjects('account', ['select'], ['id', 'name'])).toEqual([])
  expect(auditedObjects('account', ['select'], ['id', 'password'])).toEqual(['public.account'])
  expect(auditedObjects('account', ['update'], ['name'])).toEqual(['public.account'])
  expect(auditedObjects('account', ['update'], ['password'])).toEqual([])
  expect(auditedObjects('account', ['insert'], ['name', 'password'])).toEqual([])
  expect(auditedObjects('account', ['select'], ['ctid'])).toEqual([])
})

test('unknown columns, no columns and whole rows match any grant on a column', () => {
  for (const columns of [undefined, [], ['*'], ['account']]) {
    expect(auditedObjects('account', ['select'], columns)).toEqual(['public.account'])
    expect(auditedObjects('account', ['delete'], columns)).toEqual([])
  }
})

test('views and what is below them are looked at each by its own grants', () => {
  expect(auditedObjects('payments', ['select'])).toEqual(['public.payments'])
  expect(auditedObjects('payments', ['insert'])).toEqual(['public.payment'])
  expect(auditedObjects('account_names', ['select'], ['name'])).toEqual(['public.account'])
})

test('a new table has the default privileges at once, a new view shows what is below it', () => {
  const session = source.open('postgres')
  const path = context({ search_path: ['ours', 'public'] })
  session.apply(creation(relation('fresh')), path)
  session.apply(creation(relation('short'), { relkind: 'v', sources: [relation('payment')] }), path)
  const marked = (name: string, access: readonly Access[]) =>
    resolve(session, relation(name, { access }), path)
      .objects.filter((found) => found.audited)
      .map((found) => found.name)
  expect(marked('fresh', ['delete'])).toEqual(['ours.fresh'])
  expect(marked('fresh', ['select'])).toEqual([])
  expect(marked('short', ['insert'])).toEqual(['public.payment'])
  session.close()
})

test('of several tables that a name may mean one that is audited is enough', async () => {
  await client.query('create schema other; create table other.payment (id int)')
  await source.refresh('postgres')
  const unknown = context({ search_path: undefined })
  const insert = relation('payment', { access: ['insert'] })
  expect(resolve(names, insert, unknown).objects[0]).toMatchObject({
    name: 'payment',
    resolved: 'none',
    audited: true,
  })
})

test('grants that nobody has read, or of a table that nobody knows, cannot be ruled out', async () => {
  expect(auditedObjects('made_a_moment_ago', ['select'])).toEqual(['made_a_moment_ago'])
  expect(auditedObjects('made_a_moment_ago', ['truncate'])).toEqual([])
  const unread = await openSource(server, { audit_role: 'the auditor' })
  const early = unread.open('postgres')
  const audited = (access: Access) =>
    resolve(early, relation('hidden', { access: [access] })).objects[0]?.audited
  expect(audited('select')).toBe(true)
  expect(audited('alter')).toBeUndefined()
  await unread.refresh('postgres')
  expect(audited('select')).toBeUndefined()
  await unread.close()
})

test('a change of grants holds at once in its own transaction, for others after COMMIT', () => {
  const [one, other] = [source.open('postgres'), source.open('postgres')]
  const marked = (session: SessionCatalog) =>
    resolve(session, relation('everyone')).objects.some(({ audited }) => audited === true)
  const grant = () => one.apply({ change: 'refresh', doubts: ['rights'] }, context())
  one.savepoint('before')
  grant()
  expect([one, other].map(marked)).toEqual([true, false])
  one.rollback_to('before')
  expect([one, other].map(marked)).toEqual([false, false])
  grant()
  one.savepoint('after')
  one.rollback_to('after')
  expect([one, other].map(marked)).toEqual([true, false])
  one.rollback()
  expect([one, other].map(marked)).toEqual([false, false])
  grant()
  one.prepare_transaction('granted')
  expect([one, other].map(marked)).toEqual([false, false])
  other.rollback_prepared('granted')
  grant()
  one.commit()
  expect([one, other].map(marked)).toEqual([true, true])
  one.close()
  other.close()
})

test('a change of roles holds in every database, a grant in its own', async () => {
  await client.query('create database elsewhere')
  const far = await connect(server, { database: 'elsewhere' })
  await far.query('create table everyone (id int)')
  await far.end()
  const there = source.open('elsewhere')
  await source.refresh('elsewhere')
  const marked = () =>
    resolve(there, relation('everyone')).objects.some(({ audited }) => audited === true)
  const change = (roles: boolean) => {
    names.apply({ change: 'refresh', doubts: roles ? ['rights', 'roles'] : ['rights'] }, context())
    names.commit()
  }
  expect(marked()).toBe(false)
  change(false)
  expect(marked()).toBe(false)
  change(true)
  expect(marked()).toBe(true)
  await source.refresh('elsewhere')
  await source.refresh('postgres')
  expect(marked()).toBe(false)
  there.close()
})

test('another audit role holds at once for tables and after the next load for columns', async () => {
  await client.query('create role second; grant select (id) on account to second')
  source.setAuditRole('not_inherited')
  expect(auditedObjects('hidden', ['select'])).toEqual(['public.hidden'])
  source.setAuditRole('second')
  await source.refresh('postgres')
  expect(auditedObjects('account', ['select'], ['id'])).toEqual(['public.account'])
  expect(auditedObjects('account', ['select'], ['password'])).toEqual([])
})

test('what was granted to anybody but PUBLIC counts for a superuser', async () => {
  source.setAuditRole('root')
  await source.refresh('postgres')
  expect(auditedObjects('hidden', ['select'])).toEqual(['public.hidden'])
  expect(auditedObjects('payment', ['delete'])).toEqual(['public.payment'])
  expect(auditedObjects('account', ['select'], ['password'])).toEqual(['public.account'])
  expect(auditedObjects('account', ['select'], ['name'])).toEqual([])
  await client.query('create table granted_to_all (a int, b int)')
  await client.query('grant select (a), insert (b) on granted_to_all to public')
  await source.refresh('postgres')
  expect(auditedObjects('granted_to_all', ['select', 'insert'], ['a', 'b'])).toEqual([])
})

test('grants on columns to the owner are found as well', async () => {
  await client.query('create table own (id int, pan text); create role keeper')
  await client.query('alter table own owner to keeper; grant select (pan) on own to keeper')
  source.setAuditRole('keeper')
  await source.refresh('postgres')
  expect(auditedObjects('own', ['select'], ['pan'])).toEqual(['public.own'])
  expect(auditedObjects('own', ['select'], ['id'])).toEqual([])
})

test('grants on columns to a pinned role are found as well', async () => {
  await client.query(`grant select (name) on account to pg_monitor; create role watcher;
    grant pg_monitor to watcher`)
  source.setAuditRole('watcher')
  await source.refresh('postgres')
  expect(auditedObjects('account', ['select'], ['name'])).toEqual(['public.account'])
})
