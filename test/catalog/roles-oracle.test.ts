import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { randomOf } from '../support/random.js'
import { serverMajor } from '../support/server-binaries.js'
import { connect, context, openSource, relation, statement } from './fixtures.js'

/** Through random chains of roles: what object auditing marks is what the server says is inherited. */

const count = 14
const names = Array.from({ length: count }, (_, at) => `r${at}`)
let server: ScratchPostgres
let client: Client

beforeAll(async () => {
  server = await startPostgres()
  client = await connect(server)
  for (const [at, name] of names.entries()) {
    await client.query(`create role ${name} ${at % 4 === 0 ? 'noinherit' : 'inherit'}`)
    await client.query(`create table t_${name} (); grant select on t_${name} to ${name}`)
  }
  await client.query('create table t_public (); grant select on t_public to public')
  await client.query(`create table t_owned (); alter table t_owned owner to r1`)
  const below = randomOf(20_261_122)
  for (let made = 0; made < 2 * count; made += 1) {
    const [role, member] = [below(count), below(count)].sort((a, b) => a - b)
    if (role === member) continue
    const options = ['', ' with admin option']
    if (serverMajor() >= 16) {
      options.push(' with inherit false', ' with inherit true, set false', ' with set false')
      options.push(' with admin true, inherit false, set true')
    }
    await client.query(`grant r${role} to r${member}${options[below(options.length)]}`)
  }
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

test('each role is audited by what it inherits, at any distance', async () => {
  const source = await openSource(server)
  const session = source.open('postgres')
  const result = await client.query(`select m.rolname as member, r.rolname as role
    from pg_roles m, pg_roles r where m.rolname ~ '^r[0-9]' and r.rolname ~ '^r[0-9]'
    and pg_has_role(m.oid, r.oid, 'usage')`)
  const inherited = new Set(result.rows.map(({ member, role }) => `${member} ${role}`))
  expect(inherited.size).toBeGreaterThan(2 * count)
  for (const member of names) {
    source.setAuditRole(member)
    await source.refresh('postgres')
    const marked = names.filter((role) => {
      const asked = statement(relation(`t_${role}`))
      return session.resolve(asked, context()).objects[0]?.audited === true
    })
    expect([member, ...marked]).toEqual([
      member,
      ...names.filter((role) => inherited.has(`${member} ${role}`)),
    ])
    for (const other of ['t_public', 't_owned']) {
      const [object] = session.resolve(statement(relation(other)), context()).objects
      expect(object).toMatchObject({ resolved: 'catalog' })
      expect(object?.audited).toBeUndefined()
    }
  }
  await source.close()
})
