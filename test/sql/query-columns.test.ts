import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { analyseOne } from './render.js'

/** The columns of each relation, or null where the text cannot tell. */
function columns(sql: string): Record<string, readonly string[] | null> {
  const found: Record<string, readonly string[] | null> = {}
  for (const object of analyseOne(sql).objects) {
    if (object.lookup === 'relation') found[object.name] = object.columns ?? null
  }
  return found
}

describe('columns', () => {
  it.each([
    // Qualified names reach outwards; unqualified ones only when nothing else is in sight.
    [
      'select t.a from t where exists (select u.b from u where t.c = u.d)',
      { t: ['a', 'c'], u: ['b', 'd'] },
    ],
    ['select t.a from t where t.b in (select c from u)', { t: null, u: null }],
    ['select a from t union all select b from t', { t: ['a', 'b'] }],
    ['select x.a, y.b from t x, t y', { t: ['a', 'b'] }],
    ['select x.a, b from t x, t y', { t: null }],
    ['select x.*, b from t x, t y', { t: ['*'] }],
    ['select s.t.a from s.t', { t: ['a'] }],
    ['select s.x.a from s.t x', { t: null }],
    ['select a from t, (select 1) x', { t: null }],
    ['select t.a from t, generate_series(1, 2) g', { t: ['a'] }],
    ['with c as (select a from t) select b from c', { t: ['a'] }],
    [
      'select c.a from t join u c on c.id = t.id left join v on v.x = c.y',
      {
        t: ['id'],
        u: ['a', 'id', 'y'],
        v: ['x'],
      },
    ],
    ['select t.a from t join u x (b) using (b)', { t: ['b', 'a'], u: null }],
    ['select (x).a, (x.b).c, x.d[1] from t x', { t: ['*', 'b', 'd'] }],
    ['select row_to_json(t) from s.t', { t: ['*'] }],
    ['select count(x.*) from t x', { t: ['*'] }],
    ['select a from t where b = any (array(select u.c from u))', { t: ['a', 'b'], u: ['c'] }],
    ['select a from t order by (select max(u.b) from u)', { t: ['a'], u: ['b'] }],
    ['select a as z from t group by z', { t: ['a', 'z'] }],
    [
      'insert into t (a) values (1) on conflict (a) do update set b = excluded.c',
      { t: ['a', 'b', 'c'] },
    ],
    ['select distinct on (a) b from t', { t: ['a', 'b'] }],
    [
      'select 1 from t where (a, b) = (1, 2) and c is null and d collate "C" like $1',
      {
        t: ['a', 'b', 'c', 'd'],
      },
    ],
    ['insert into t (a) select t.b from t', { t: ['a', 'b'] }],
    ['update t set a = 1 from u where b = 1', { t: null, u: null }],
    ['delete from t x where x.a = 1 returning x', { t: ['a', '*'] }],
  ])('%s', (sql, expected) => {
    expect(columns(sql)).toEqual(expected)
  })
})

describe('columns apart by access', () => {
  it.each([
    ['select a from t', undefined, undefined],
    ['select count(*) from t', { select: [] }, undefined],
    ['select a from t x (b, c)', {}, undefined],
    ['update t set a = b where c = 1', { select: ['b', 'c'], update: ['a'] }, undefined],
    ['insert into t default values', { insert: [] }, undefined],
    ['insert into t values (1) returning d', { select: ['d'], insert: ['*'] }, undefined],
    ['select t.a from t for update', { select: ['a'], update: [] }, undefined],
    ['select t.a, b from t, u', { select: ['a'] }, ['b']],
    ['select t.a from t join u using (id) join v using (b)', { select: ['id', 'a'] }, ['b']],
    ['select a as z from t group by z', { select: ['a'] }, ['z']],
    ['update t set a = b from u', { select: [], update: ['a'] }, ['b']],
    ['explain analyze select a from t x (b, c)', {}, undefined],
    ['explain analyze select t.a, b from t, u', { select: ['a'] }, ['b']],
  ])('%s', (sql, apart, perhaps) => {
    const object = analyseOne(sql).objects.find(({ name }) => name === 't')
    expect(object?.columns_apart).toEqual(apart)
    expect(object?.columns_perhaps).toEqual(perhaps)
  })

  it('gives up on the columns of a statement that has too many doubtful ones', () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `c${index}`)
    const perhaps = (count: number) =>
      analyseOne(`select ${names(count).join(', ')} from t, u`).objects.map(
        (object) => object.columns_perhaps?.length,
      )
    expect(perhaps(limits.doubtful_columns)).toEqual([256, 256])
    expect(perhaps(limits.doubtful_columns + 1)).toEqual([undefined, undefined])
  })
})

describe('access', () => {
  it.each([
    ['update t set a = 1', ['update']],
    ['update t set a = 1 returning 1', ['update']],
    ['update t set a = 1 returning old.b', ['update', 'select']],
    ['update t set a = a + 1', ['update', 'select']],
    ['delete from t', ['delete']],
    ['delete from t where true', ['delete']],
    ['delete from t where b > 0', ['delete', 'select']],
    ['insert into t values (1)', ['insert']],
    [
      'insert into t (a) values (1) on conflict (a) do update set b = 1',
      ['insert', 'update', 'select'],
    ],
    ['insert into t (a) values (1) on conflict do nothing', ['insert']],
    ['select 1 from t for key share', ['select', 'update']],
    ['merge into t using u on true when not matched then insert values (1)', ['insert']],
    ['merge into t using u on true when not matched then do nothing', ['select']],
    [
      'insert into t (a) values (1) on conflict on constraint k do update set b = excluded.c',
      ['insert', 'update', 'select'],
    ],
  ])('%s', (sql, access) => {
    const target = analyseOne(sql).objects.find(({ name }) => name === 't')
    expect(target?.access).toEqual(access)
  })

  it('locks what stands in subqueries but not in CTEs', () => {
    const sql =
      'with c as (select 1 from v) select 1 from (select 1 from t union select 1 from u) x, c for update'
    const access = Object.fromEntries(
      analyseOne(sql).objects.map(({ name, access: own }) => [name, own]),
    )
    expect(access).toEqual({
      v: ['select'],
      t: ['select', 'update'],
      u: ['select', 'update'],
    })
  })
})
