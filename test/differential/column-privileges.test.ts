import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ColumnAccess, ObjectReference } from '../../src/sql/facts.js'
import { Random } from '../fuzz/random.js'
import { analyseOne } from '../sql/render.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { serverMajor } from '../support/server-binaries.js'
import { access_model, columnsOfTable, randomAccess } from './random-access.js'

/** PGWITNESS_SEEDS tries others, or more: `1-9999`. */
const [first = 1, last = 500] = (process.env['PGWITNESS_SEEDS'] ?? '').match(/\d+/g) ?? []
const seeds = Array.from({ length: Number(last) - Number(first) + 1 }, (_, n) => Number(first) + n)

/** SQLSTATE insufficient_privilege. */
const refused = '42501'

let postgres: ScratchPostgres
let client: pg.Client

beforeAll(async () => {
  postgres = await startPostgres()
  const { host, port, password } = postgres
  client = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
  await client.connect()
  await client.query(`create role prober; set max_parallel_workers_per_gather = 0; ${access_model}`)
})

afterAll(async () => {
  await client.end()
  await postgres.stop()
})

/** A privilege on a table or on one of its columns. */
interface Privilege {
  readonly access: string
  readonly table: string
  readonly column?: string
}

function grantOf({ access, table, column }: Privilege): string {
  return `grant ${access}${column === undefined ? '' : ` (${column})`} on ${table} to prober;`
}

/** The SQLSTATE that the server gives to somebody with these privileges; '' for success. */
async function answer(sql: string, privileges: readonly Privilege[], role = 'prober') {
  const grants = privileges.map(grantOf).join('')
  try {
    // All of it is one transaction, which an error ends as well.
    await client.query(`${grants} set local role ${role}; ${sql}; rollback`)
    return ''
  } catch (error) {
    return String(Reflect.get(Object(error), 'code'))
  }
}

/** Whether the statement was run, perhaps into a violation of a constraint. */
function ran(said: string): boolean {
  return said === '' || /^2[13]/.test(said)
}

/** What a statement needs of the server, if the facts are right. */
interface Need {
  /** Enough to run the statement. */
  readonly enough: readonly Privilege[]
  /** Those of `enough` without which it is refused. */
  readonly necessary: readonly Privilege[]
}

/** The columns that the facts name for an access; undefined where they do not tell. */
function columnsFor(object: ObjectReference, access: ColumnAccess): readonly string[] | undefined {
  return object.columns_apart === undefined ? object.columns : object.columns_apart[access]
}

function needOf(object: ObjectReference, access: ColumnAccess, copies: boolean): Need {
  const table = object.name
  const own = columnsOfTable(table)
  const on = (column: string) => ({ access, table, column })
  const whole = { access, table }
  const columns = columnsFor(object, access)
  const perhaps = access === 'select' ? object.columns_perhaps : undefined
  if (columns === undefined) return { enough: [whole], necessary: [] }
  // The server gives system columns no privileges of their own.
  if (columns.includes('ctid')) return { enough: [whole], necessary: [whole] }
  if (columns.includes('*')) {
    // INSERT without a list is for as many columns as it has values; COPY leaves generated ones out.
    const asked = own.filter((column) => access !== 'insert' && !(copies && column === 'g'))
    return { enough: own.map(on), necessary: asked.map(on) }
  }
  if (perhaps !== undefined) {
    const mine = own.filter((column) => perhaps.includes(column))
    if (columns.length + mine.length === 0) {
      // That the target of a change is read at all is a supposition then.
      return { enough: [whole], necessary: object.access.length === 1 ? [whole] : [] }
    }
    return { enough: [...columns, ...mine].map(on), necessary: columns.map(on) }
  }
  // Where no column is named the right to any of them will do.
  const asked = columns.length === 0 ? own.slice(0, 1) : columns
  return { enough: asked.map(on), necessary: asked.map(on) }
}

function needs(sql: string): Need {
  const enough: Privilege[] = []
  const necessary: Privilege[] = []
  for (const object of analyseOne(sql).objects) {
    if (object.lookup !== 'relation' || object.creates === true) continue
    for (const access of object.access) {
      const need =
        access === 'select' || access === 'insert' || access === 'update'
          ? needOf(object, access, /^copy \w/.test(sql))
          : {
              enough: [{ access, table: object.name }],
              necessary: [{ access, table: object.name }],
            }
      enough.push(...need.enough)
      necessary.push(...need.necessary)
    }
  }
  return { enough, necessary }
}

/** How the server disagrees about what a statement needs. */
async function disagreements(sql: string): Promise<readonly string[]> {
  const { enough, necessary } = needs(sql)
  const said = await answer(sql, enough)
  if (!ran(said)) return [`${said} in spite of ${enough.map(grantOf).join(' ')}`]
  const wrong: string[] = []
  for (const one of necessary) {
    const rest = enough.filter((other) => grantOf(other) !== grantOf(one))
    if ((await answer(sql, rest)) !== refused) wrong.push(`not needed: ${grantOf(one)}`)
  }
  return wrong
}

/** What the random statements hardly ever are. */
const written: readonly string[] = [
  'truncate w',
  'insert into w default values',
  'insert into w (wid) values (1) on conflict on constraint w_pkey do update set q = 1',
  'insert into w (wid) values (1) on conflict do nothing',
  'insert into w (wid) values (1) on conflict (wid) where q > 0 do nothing',
  'insert into t (id, e[1], f.x) values (9, 1, 2)',
  'update t set e[a] = b, f.x = (f).y',
  'select t.id, f.x from t, lateral (select (t.f).*) f',
  'select x from t x',
  'select t.c from t where t is not null',
  'select id as a, b as id from t order by a, id + 1',
  'select max(a) as b from t group by b',
  'select a as z from t group by z having max(b) > 0 order by z',
  'select sum(a) filter (where b > 0) over win from t window win as (partition by id order by g)',
  'select distinct on (a) b from t order by a, c',
  'select grouping(a), count(*) from t group by grouping sets ((a), (b), ())',
  'with recursive r as (select id, a from t union all select t.id, r.a from t join r on t.b = r.id) select a from r',
  'with w as (select k from u) select w.k from w',
  'with w as (select k from u) select (select max(q) from public.w x) from w',
  'select * from t natural join u',
  'select x.a from t x join (u join w on k = q) on x.id = w.p',
  'select j.k from (t join u using (id)) as j',
  'select id from t join u using (id, a) as merged where merged.a = 1',
  "select v from u, xmltable('/a' passing xmlelement(name a, u.m) columns v text path '.')",
  'select * from rows from (generate_series(1, 2), unnest(array[1])) as f (a, b)',
  'values ((select max(k) from u)), ((select max(q) from w))',
  'table t',
  'select 1 from only parent',
  'select count(parent) from parent',
  'select tableoid::regclass, ctid from parent',
  'select c collate "C", id::text, a between b and g from t where c like any (array[c])',
  'delete from w using u where u.k = w.q returning old.p, new.wid, u.m',
  'update w set q = (select max(a) from t where t.id = w.wid) returning *',
  'update w set (p, q) = (k, a) from u',
  'update w set (p, q) = row (q, default)',
  'delete from w where true returning 1',
  'update w set q = 1 where true returning 1',
  'merge into w using u on true when not matched then do nothing',
  'merge into w using u on w.wid = u.id when matched then update set q = u.k returning merge_action(), u.m, w.p',
  'merge into w using (select max(k) as k from u) s on s.k = w.wid when not matched then insert values (s.k)',
  'explain update w set q = wid',
  'explain (analyze) select k from u',
  'create temp table made as select k from u',
  'select k into temp made from u',
  'create temp table made as values ((select max(q) from w))',
  'copy (delete from w where q = 1 returning wid) to stdout',
  'copy w (wid, q) to stdout',
  'declare c cursor for select k from u for update',
  'select k from u for share of u',
  'select x.k, w.q from u x, w for update of x',
  'select 1 from tv for update',
  'select va from tv where vc is null',
]

const major = serverMajor()
/** What older servers do not know. */
const known = written.filter(
  (sql) =>
    (major >= 18 || !/returning old/.test(sql)) &&
    (major >= 17 || !/merge_action/.test(sql)) &&
    (major >= 15 || !/^merge/.test(sql)),
)

it.each(known)('the server wants what the facts say: %s', async (sql) => {
  expect(ran(await answer(sql, [], 'none'))).toBe(true)
  // EXPLAIN says what a statement would do: its objects are mentioned, and not accessed.
  if (sql.startsWith('explain update')) return
  expect(await disagreements(sql)).toEqual([])
})

it('the server wants exactly the privileges for the accesses and columns of the facts', async () => {
  const wrong: string[] = []
  let valid = 0
  for (const seed of seeds) {
    const sql = randomAccess(new Random(seed))
    if (!ran(await answer(sql, [], 'none'))) continue
    valid += 1
    for (const one of await disagreements(sql)) wrong.push(`seed ${seed}: ${one}\n  ${sql}`)
  }
  expect(wrong.join('\n')).toBe('')
  // Older servers refuse what they do not know.
  expect(valid).toBeGreaterThan(seeds.length * (major >= 18 ? 0.9 : 0.6))
}, 600_000)
