import { existsSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import type { NameContext, ResolvedObject, SessionCatalog } from '../../src/catalog/names.js'
import { Random } from '../fuzz/random.js'
import { analyseOne } from '../sql/render.js'
import { debianBinaries, type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { access_model, columnsOfTable, randomAccess } from './random-access.js'

const binaries = debianBinaries(15)
const library = '/usr/lib/postgresql/15/lib/pgaudit.so'
const installed = binaries !== undefined && existsSync(library)

/** PGWITNESS_SEEDS tries other rounds of grants, or more: `1-999`. */
const [first = 1, last = 12] = (process.env['PGWITNESS_SEEDS'] ?? '').match(/\d+/g) ?? []
const rounds = Array.from({ length: Number(last) - Number(first) + 1 }, (_, n) => Number(first) + n)
const statements_per_round = 60

const roles = `
  create role auditor; create role direct; create role indirect; create role aside noinherit;
  create role beyond; grant direct, aside to auditor; grant indirect to direct; grant beyond to aside;
  create role stranger;`

/** Those whose grants count for `auditor`, and those whose grants do not. */
const grantees = ['auditor', 'direct', 'indirect', 'aside', 'beyond', 'stranger', 'public'] as const

const context: NameContext = {
  database: 'postgres',
  session_user: 'postgres',
  current_user: 'postgres',
  search_path: ['$user', 'public'],
  search_path_doubted: false,
  version: 1,
}

let postgres: ScratchPostgres
let client: pg.Client
let source: DatabaseCatalogSource
let names: SessionCatalog
let lines: string[] = []

beforeAll(async () => {
  if (binaries === undefined || !installed) return
  postgres = await startPostgres({
    binaries,
    settings: { shared_preload_libraries: 'pgaudit', max_parallel_workers_per_gather: '0' },
  })
  const { host, port, password } = postgres
  const login = { host, port, password, user: 'postgres' }
  client = new pg.Client({ ...login, database: 'postgres' })
  await client.connect()
  await client.query(`${roles} ${access_model}`)
  await client.query("set pgaudit.role = 'auditor'; set pgaudit.log_client = on")
  await client.query('set pgaudit.log_level = notice')
  client.on('notice', (notice) => lines.push(notice.message ?? ''))
  const log = { warn: () => {}, info: () => {} }
  source = new DatabaseCatalogSource({
    server: login,
    refresh_ms: 3_600_000,
    audit_role: 'auditor',
    log,
  })
  names = source.open('postgres')
})

afterAll(async () => {
  if (!installed) return
  names.close()
  await source.close()
  await client.end()
  await postgres.stop()
})

/** Some tables and columns are granted to somebody, who may be nobody to the audit role. */
function randomGrants(random: Random): string {
  const superuser = random.once(6) ? 'superuser' : 'nosuperuser'
  const grants = [`alter role auditor ${superuser};`]
  for (const table of ['t', 'u', 'w', 'parted', 'parent', 'tv']) {
    grants.push(`revoke all on ${table} from ${grantees.join(', ')};`)
    grants.push(`alter table ${table} owner to postgres;`)
    if (random.once(8)) grants.push(`alter table ${table} owner to auditor;`)
    for (let count = random.below(3); count > 0; count -= 1) {
      const privilege = random.pick(['select', 'insert', 'update', 'delete', 'truncate'])
      const whole = random.once(4) || privilege === 'delete' || privilege === 'truncate'
      const column = whole ? '' : ` (${random.pick(columnsOfTable(table))})`
      const option = random.once(5) ? ' with grant option' : ''
      const grantee = random.pick(grantees)
      grants.push(`grant ${privilege}${column} on ${table} to ${grantee}`)
      grants.push(grantee === 'public' ? ';' : `${option};`)
    }
  }
  return grants.join(' ')
}

/** The relations of pgaudit's OBJECT lines; undefined when the server refused the statement. */
async function pgauditSays(sql: string): Promise<readonly string[] | undefined> {
  lines = []
  try {
    await client.query(`${sql}; rollback`)
  } catch (error) {
    if (!/^2[13]/.test(String(Reflect.get(Object(error), 'code')))) return undefined
  }
  const found = lines.map(
    (line) => /^AUDIT: OBJECT,\d+,\d+,\w+,[^,]*,[^,]*,([^,]+),/.exec(line)?.[1],
  )
  return [...new Set(found.filter((name) => name !== undefined))]
}

/**
 * Why we may mark what pgaudit does not: it is blind for whole rows and knows what a view reads;
 * the text does not tell the columns of a NATURAL JOIN, of a renamed alias, of INSERT without a list.
 */
function mayExceed(object: ResolvedObject): boolean {
  if (object.via !== undefined || object.columns?.includes('*') === true) return true
  return object.columns === undefined
}

describe.skipIf(!installed)('pgaudit of PostgreSQL 15', () => {
  it('is never without an object that pgaudit logs, and says more for known causes alone', async () => {
    const missed: string[] = []
    const surplus: string[] = []
    let agreed = 0
    for (const round of rounds) {
      const random = new Random(round)
      const grants = randomGrants(random)
      await client.query(grants)
      await source.refresh('postgres')
      for (let number = 0; number < statements_per_round; number += 1) {
        const sql = randomAccess(new Random(random.seed()))
        const theirs = await pgauditSays(sql)
        if (theirs === undefined) continue
        const { objects } = names.resolve(analyseOne(sql), context)
        const ours = objects.filter(({ audited }) => audited === true)
        const told = new Set(ours.map(({ name }) => name))
        agreed += theirs.filter((name) => told.has(name)).length
        for (const name of theirs)
          if (!told.has(name)) missed.push(`${round}: ${name}: ${sql} -- ${grants}`)
        for (const object of ours) {
          if (theirs.includes(object.name) || mayExceed(object)) continue
          surplus.push(`${round}: ${JSON.stringify(object)}: ${sql} -- ${grants}`)
        }
      }
    }
    expect(missed).toEqual([])
    expect(surplus).toEqual([])
    expect(agreed).toBeGreaterThan(rounds.length)
  }, 600_000)
})
