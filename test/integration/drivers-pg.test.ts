import pg from 'pg'
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

/** A way to reach the server: the driver's options, and the proxy whose trail is looked at. */
interface Way {
  proxy(): ProxyUnderTest
  options(): pg.ClientConfig
}

const ways: readonly (readonly [string, Way])[] = [
  ['plain', { proxy: () => plain, options: () => ({}) }],
  ...(with_tls
    ? [['TLS', tlsWay({})] as const, ['direct TLS', tlsWay({ sslnegotiation: 'direct' })] as const]
    : []),
]

function tlsWay(options: pg.ClientConfig): Way {
  return {
    proxy() {
      if (secured === undefined) throw new Error('the proxy with TLS was not started')
      return secured
    },
    options: () => ({ ...options, ssl: { ca, servername: 'localhost' } }),
  }
}

/** What came of a query: its rows, or the SQLSTATE. */
async function outcomeOf(query: Promise<pg.QueryResult>): Promise<number | string | null> {
  try {
    return (await query).rowCount
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code !== undefined) return error.code
    throw error
  }
}

if (!with_tls) it.skip('over TLS (openssl is not installed)')

describe.each(ways)('pg, %s', (name, way) => {
  it('leaves one record for each statement of ordinary use', async () => {
    const application = `pg ordinary ${name}`
    const client = await way.proxy().client({ ...way.options(), application_name: application })
    await client.query(
      'CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, at date, raw bytea)',
    )
    await client.query('BEGIN')
    const add = 'INSERT INTO thing VALUES ($1, $2, $3, $4)'
    await client.query(add, [1, 'one', '2026-11-21', Buffer.from([0, 255])])
    await client.query({ name: 'add', text: add, values: [2, null, null, null] })
    await client.query({ name: 'add', text: add, values: [3, '', null, Buffer.alloc(0)] })
    await client.query('COMMIT')
    expect(await outcomeOf(client.query(add, [1, 'again', null, null]))).toBe('23505')
    expect(await outcomeOf(client.query('SELECT * FROM thing WHERE id = $1', ['x']))).toBe('22P02')
    expect(await outcomeOf(client.query('SELECT * FROM nothing'))).toBe('42P01')
    expect(await outcomeOf(client.query('SELECT * FROM nothing WHERE a = $1', [1]))).toBe('42P01')
    expect(await outcomeOf(client.query('SELEC 1'))).toBe('42601')
    expect(
      await outcomeOf(client.query('SELECT id FROM thing WHERE id = ANY ($1)', [[1, 3]])),
    ).toBe(2)
    await client.query("UPDATE thing SET name = 'x' WHERE id > 1; SELECT 1; ; -- no more\n")
    await client.query('')
    await client.end()
    expect(await linesOfEnded(way.proxy(), application)).toEqual([
      [
        'CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, at date, raw bytea)',
        'success',
        null,
      ],
      ['BEGIN', 'success', null],
      [add, 'success', 1, ['1', 'one', '2026-11-21', '\\x00ff']],
      [add, 'success', 1, ['2', null, null, null]],
      [add, 'success', 1, ['3', '', null, '\\x']],
      ['COMMIT', 'success', null],
      [add, '23505', null, ['1', 'again', null, null]],
      ['SELECT * FROM thing WHERE id = $1', '22P02', null, ['x']],
      ['SELECT * FROM nothing', '42P01', null],
      // The Parse failed: the values of the Bind that was skipped are in no record.
      ['SELECT * FROM nothing WHERE a = $1', '42P01', null, ['1']],
      ['SELEC 1', '42601', null],
      ['SELECT id FROM thing WHERE id = ANY ($1)', 'success', 2, ['{"1","3"}']],
      ["UPDATE thing SET name = 'x' WHERE id > 1", 'success', 2],
      ['SELECT 1', 'success', 1],
      // Nothing of the empty statements: nothing was asked.
    ])
  })

  it('leaves one record for each statement of a pipeline', async () => {
    const application = `pg pipelined ${name}`
    const client = await way
      .proxy()
      .client({ ...way.options(), application_name: application, pipeline: true })
    const outcomes = await Promise.all(
      [
        client.query('CREATE TEMP TABLE thing (id int PRIMARY KEY)'),
        client.query('INSERT INTO thing SELECT generate_series(1, $1)', [3]),
        client.query({ name: 'one', text: 'SELECT id FROM thing WHERE id = $1', values: [1] }),
        client.query('INSERT INTO thing VALUES ($1)', [1]),
        client.query({ name: 'one', text: 'SELECT id FROM thing WHERE id = $1', values: [9] }),
        client.query('SELECT * FROM nothing WHERE a = $1', [1]),
        client.query('BEGIN'),
        client.query('DELETE FROM thing'),
        client.query('SELECT 1/0'),
        client.query('SELECT id FROM thing'),
        client.query('ROLLBACK'),
        client.query('SELECT id FROM thing'),
      ].map(outcomeOf),
    )
    expect(outcomes).toEqual([null, 3, 1, '23505', 0, '42P01', null, 3, '22012', '25P02', null, 3])
    await client.end()
    const records = await recordsOfEnded(way.proxy(), application)
    expect(linesOf(records)).toEqual([
      ['CREATE TEMP TABLE thing (id int PRIMARY KEY)', 'success', null],
      ['INSERT INTO thing SELECT generate_series(1, $1)', 'success', 3, ['3']],
      ['SELECT id FROM thing WHERE id = $1', 'success', 1, ['1']],
      ['INSERT INTO thing VALUES ($1)', '23505', null, ['1']],
      ['SELECT id FROM thing WHERE id = $1', 'success', 0, ['9']],
      ['SELECT * FROM nothing WHERE a = $1', '42P01', null, ['1']],
      ['BEGIN', 'success', null],
      ['DELETE FROM thing', 'success', 3],
      ['SELECT 1/0', '22012', null],
      ['SELECT id FROM thing', '25P02', null],
      ['ROLLBACK', 'success', null],
      ['SELECT id FROM thing', 'success', 3],
    ])
    expect(records.map(({ transaction }) => transaction?.state).slice(6)).toEqual([
      'idle',
      'open',
      'open',
      'failed',
      'failed',
      'idle',
    ])
    const tls = name === 'plain' ? undefined : 'TLSv1.3'
    expect(records.map(({ session }) => session?.['tls'])).toEqual(records.map(() => tls))
  })
})
