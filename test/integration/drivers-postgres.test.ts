import createSql from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { linesOf, linesOfEnded, recordsOfEnded } from '../support/statement-lines.js'

const with_tls = opensslInstalled()
let postgres: ScratchPostgres
let plain: ProxyUnderTest
let secured: ProxyUnderTest | undefined
let ca = ''

beforeAll(async () => {
  postgres = await startPostgres()
  plain = await startProxy(postgres)
  if (with_tls) {
    const files = makeCertificates()
    ca = contentOf(files.ca)
    const tls = { mode: 'require', cert: files.cert, key: files.key }
    secured = await startProxy(postgres, { listen: { tls } })
  }
})

afterAll(async () => {
  await secured?.stop()
  await plain.stop()
  await postgres.stop()
})

/** What names the way in the tests, and how the driver goes it. */
const ways = [
  ['plain', { sslnegotiation: null, tls: false }],
  ...(with_tls
    ? ([
        ['TLS', { sslnegotiation: null, tls: true }],
        ['direct TLS', { sslnegotiation: 'direct', tls: true }],
      ] as const)
    : []),
] as const

if (!with_tls) it.skip('over TLS (openssl is not installed)')

describe.each(ways)('postgres (the npm driver), %s', (name, { sslnegotiation, tls }) => {
  function proxy(): ProxyUnderTest {
    return tls && secured !== undefined ? secured : plain
  }

  function connect(application: string, options: { readonly fetch_types?: boolean } = {}) {
    const given = {
      host: 'localhost',
      port: proxy().port,
      user: 'postgres',
      password: postgres.password,
      database: 'postgres',
      max: 1,
      connection: { application_name: application },
      onnotice: () => {},
      fetch_types: false,
      ...(tls ? { ssl: { ca, servername: 'localhost' } } : {}),
      // The types of the driver do not know this option yet.
      ...(sslnegotiation === null ? {} : { sslnegotiation }),
      ...options,
    }
    return createSql(given)
  }

  it('leaves one record for each statement of ordinary use', async () => {
    const application = `postgres.js ordinary ${name}`
    const sql = connect(application)
    await sql`CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, note json)`
    await sql.begin(async (transaction) => {
      const rows = [
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
      ]
      await transaction`INSERT INTO thing ${transaction(rows)}`
      await transaction
        .savepoint(async (inner) => {
          await inner`UPDATE thing SET note = ${inner.json({ a: [1, null] })} WHERE id = 1`
          await inner`INSERT INTO thing (id) VALUES (${1})`
        })
        .catch(() => {})
      await transaction`DELETE FROM thing WHERE id = ${2}`
    })
    await sql.begin('read only', async (transaction) => {
      await transaction`SELECT count(*) FROM thing WHERE name = ${null}`
    })
    await expect(sql`SELECT * FROM nothing WHERE a = ${1}`).rejects.toMatchObject({ code: '42P01' })
    await sql.unsafe('SELECT 1; SELECT 2').simple()
    await sql.unsafe('SELECT $1::int AS n', [7])
    for await (const rows of sql`SELECT * FROM generate_series(1, 5)`.cursor(2)) {
      expect(rows.length).toBeLessThanOrEqual(2)
    }
    await sql`SELECT ${'x'}::text AS x`.describe()
    const writable = await sql`COPY thing FROM STDIN`.writable()
    await new Promise<void>((resolve, reject) => {
      writable.on('error', reject).on('finish', resolve)
      writable.end('8\teight\t\\N\n')
    })
    await sql.listen('news', () => {})
    await sql.notify('news', 'heard')
    await sql.end()
    expect(await linesOfEnded(proxy(), application, 2)).toEqual([
      ['CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, note json)', 'success', null],
      ['begin', 'success', null],
      [
        'INSERT INTO thing ("id","name")values($1,$2),($3,$4)',
        'success',
        2,
        ['1', 'one', '2', 'two'],
      ],
      ['savepoint "s0"', 'success', null],
      ['UPDATE thing SET note = $1 WHERE id = 1', 'success', 1, ['{"a":[1,null]}']],
      ['INSERT INTO thing (id) VALUES ($1)', '23505', null, ['1']],
      ['rollback to "s0"', 'success', null],
      ['DELETE FROM thing WHERE id = $1', 'success', 1, ['2']],
      ['commit', 'success', null],
      ['begin read only', 'success', null],
      ['SELECT count(*) FROM thing WHERE name = $1', 'success', 1, [null]],
      ['commit', 'success', null],
      ['SELECT * FROM nothing WHERE a = $1', '42P01', null],
      ['SELECT 1', 'success', 1],
      ['SELECT 2', 'success', 1],
      ['SELECT $1::int AS n', 'success', 1, ['7']],
      ['SELECT * FROM generate_series(1, 5)', 'suspended', 2],
      ['SELECT * FROM generate_series(1, 5)', 'suspended', 2],
      ['SELECT * FROM generate_series(1, 5)', 'success', 1],
      ['COPY thing FROM STDIN', 'success', 1],
      // The driver listens on a connection of its own.
      ['listen "news"', 'success', null],
      ['select pg_notify($1, $2)', 'success', 1, ['news', 'heard']],
      // Described and never executed: told when its session ends.
      ['SELECT $1::text AS x', 'prepared', null],
    ])
  })

  it('leaves one record for each statement of a pipeline', async () => {
    const application = `postgres.js pipelined ${name}`
    const sql = connect(application)
    const outcomes = await Promise.all(
      [
        sql`CREATE TEMP TABLE thing (id int PRIMARY KEY)`,
        sql`INSERT INTO thing SELECT generate_series(1, ${3}::int)`,
        ...[1, 2, 3, 4].map((id) => sql`SELECT id FROM thing WHERE id = ${id}`),
        sql`INSERT INTO thing VALUES (${1})`,
        sql`SELECT * FROM nothing WHERE a = ${1}`,
        sql`SELECT id FROM thing`.simple(),
        sql`DELETE FROM thing`,
      ].map((query) =>
        query.then(
          ({ count }) => count,
          (error) => error.code,
        ),
      ),
    )
    expect(outcomes).toEqual([null, 3, 1, 1, 1, 0, '23505', '42P01', 3, 3])
    await sql.end()
    const records = await recordsOfEnded(proxy(), application)
    expect(linesOf(records)).toEqual([
      ['CREATE TEMP TABLE thing (id int PRIMARY KEY)', 'success', null],
      ['INSERT INTO thing SELECT generate_series(1, $1::int)', 'success', 3, ['3']],
      ['SELECT id FROM thing WHERE id = $1', 'success', 1, ['1']],
      ['SELECT id FROM thing WHERE id = $1', 'success', 1, ['2']],
      ['SELECT id FROM thing WHERE id = $1', 'success', 1, ['3']],
      ['SELECT id FROM thing WHERE id = $1', 'success', 0, ['4']],
      ['INSERT INTO thing VALUES ($1)', '23505', null, ['1']],
      ['SELECT * FROM nothing WHERE a = $1', '42P01', null],
      ['SELECT id FROM thing', 'success', 3],
      ['DELETE FROM thing', 'success', 3],
    ])
    const version = tls ? 'TLSv1.3' : undefined
    expect(records.map(({ session }) => session?.['tls'])).toEqual(records.map(() => version))
  })

  it('names what the driver asks by itself', async () => {
    const application = `postgres.js types ${name}`
    const sql = connect(application, { fetch_types: true })
    await sql`SELECT ${[1, 2]}::int[] AS list`
    await sql.end()
    const [types, ...asked] = await linesOfEnded(proxy(), application)
    expect(types?.[0]).toMatch(/^select b\.oid, b\.typarray\s+from pg_catalog\.pg_type a\s/)
    expect(types?.[1]).toBe('success')
    expect(asked).toEqual([['SELECT $1::int[] AS list', 'success', 1, ['{"1","2"}']]])
  })
})
