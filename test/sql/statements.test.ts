import { describe, expect, it } from 'vitest'
import { statement_map } from '../../src/sql/statement-map.js'
import { alter_rows } from './alter-rows.js'
import { create_rows } from './create-rows.js'
import { drop_rows } from './drop-rows.js'
import { global_rows } from './global-rows.js'
import { read_rows } from './read-rows.js'
import { analyse, analyseOne, type Row, rowOf } from './render.js'
import { role_rows } from './role-rows.js'
import { session_rows } from './session-rows.js'
import { write_rows } from './write-rows.js'

const tables = {
  reads: read_rows,
  writes: write_rows,
  session: session_rows,
  create: create_rows,
  alter: alter_rows,
  global: global_rows,
  roles: role_rows,
  drop: drop_rows,
} as const satisfies Record<string, readonly Row[]>

for (const [name, rows] of Object.entries(tables)) {
  describe(name, () => {
    it.each(rows.map((row) => [row.sql, row] as const))('%s', (sql, row) => {
      expect(rowOf(sql)).toEqual(row)
    })
  })
}

describe('the map', () => {
  const facts = Object.values(tables)
    .flat()
    .map(({ sql }) => analyseOne(sql))

  it('is shown at work for every kind of statement of the grammar', () => {
    const shown = new Set(facts.map(({ node }) => node))
    expect(Object.keys(statement_map).filter((kind) => !shown.has(kind))).toEqual([])
  })

  it('gives the reason in one sentence and its command among the tags', () => {
    for (const { reason, command, tags, node } of facts) {
      expect(reason).toMatch(/^[A-Z][^.]*\.$/)
      expect(node).not.toBe('')
      expect(tags.includes(command) || tags.includes('*')).toBe(true)
    }
  })

  it('never gives a class weaker than that of an object', () => {
    for (const { class: own, objects } of facts) {
      if (own === 'MISC') expect(objects.every((object) => object.class === 'MISC')).toBe(true)
      if (own === 'READ') expect(objects.every((object) => object.class === 'READ')).toBe(true)
    }
  })
})

it.each([
  ['grant r to a', true],
  ['revoke inherit option for r from a', true],
  ['create role r', true],
  ['alter role r noinherit', true],
  ['alter group g add user a', true],
  ['alter user r rename to s', true],
  ['alter role r set search_path = a', true],
  ['drop role r', true],
  ['do $$ begin end $$; grant r to a', true],
  ['grant select on t to a', undefined],
  ['alter default privileges grant select on tables to a', undefined],
  ['alter table t owner to a', undefined],
  ['reassign owned by a to b', undefined],
  ['drop owned by a', undefined],
])('whether it changes roles, which all databases share: %s', (sql, roles) => {
  const changes = analyse(sql).statements.flatMap(({ effects }) =>
    effects.map((effect) => (effect.kind === 'catalog' ? effect.change : undefined)),
  )
  const refresh = changes.find((change) => change?.change === 'refresh')
  expect(refresh?.doubts).toContain('rights')
  expect(refresh?.doubts?.includes('roles')).toBe(roles === true)
})

it.each([
  ['alter role r nosuperuser', ['rights', 'roles', 'objects']],
  ['alter user r rename to s', ['rights', 'roles', 'objects']],
  ['drop table t cascade', ['objects']],
  ['alter table t drop column c cascade', ['objects']],
  ['drop extension e', ['objects']],
  ['create extension e', ['names']],
  ['alter extension e update', ['objects', 'names']],
  ['import foreign schema s from server f into t', ['names']],
  ['alter extension e add table t', undefined],
  ['drop owned by a', ['rights', 'objects']],
  ['alter table t add column c int', undefined],
  ['create index on t (c)', undefined],
])('what is in doubt until the catalog is read again: %s', (sql, doubts) => {
  const changes = analyse(sql).statements.flatMap(({ effects }) =>
    effects.map((effect) => (effect.kind === 'catalog' ? effect.change : undefined)),
  )
  const refresh = changes.find((change) => change?.change === 'refresh')
  expect(refresh).toEqual({ change: 'refresh', ...(doubts === undefined ? {} : { doubts }) })
})
