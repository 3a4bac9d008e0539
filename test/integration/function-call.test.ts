import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, int16, int32, query, sync, functionCall as textCall } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'
import { message, RawClient, startupPacket } from '../support/raw-client.js'

const run = promisify(execFile)

let postgres: ScratchPostgres
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['host all caller 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
  })
  admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await admin.connect()
  await admin.query(`
    CREATE ROLE caller LOGIN;
    CREATE ROLE maker;
    CREATE SCHEMA "Odd";
    GRANT USAGE ON SCHEMA "Odd" TO caller;
    CREATE TYPE "Odd"."Mood" AS ENUM ('fine');
    CREATE FUNCTION "Odd".add(a int, b bigint) RETURNS bigint LANGUAGE sql RETURN a + b;
    CREATE FUNCTION "Odd".add(a text[], b "Odd"."Mood") RETURNS int LANGUAGE sql RETURN 1;
    CREATE FUNCTION zero() RETURNS int LANGUAGE sql RETURN 1;
    CREATE FUNCTION check_password(p text) RETURNS int LANGUAGE sql RETURN 1;
    CREATE TABLE orders (id int);
    GRANT ALL ON orders TO caller;
    ALTER FUNCTION "Odd".add(int, bigint) OWNER TO maker`)
})

afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

async function oidOf(signature: string): Promise<number> {
  const { rows } = await admin.query<{ oid: number }>('SELECT $1::regprocedure::oid::int AS oid', [
    signature,
  ])
  return rows[0]?.oid ?? 0
}

/** A FunctionCall with all values in binary, as libpq sends them. */
function binaryCall(oid: number, ...values: readonly Buffer[]): Buffer {
  const lengths = values.flatMap((value) => [int32(value.length), value])
  const head = [int32(oid), int16(1), int16(1), int16(values.length)]
  return message('F', Buffer.concat([...head, ...lengths, int16(1)]))
}

async function withProxy(
  settings: Readonly<Record<string, unknown>>,
  body: (proxy: ProxyUnderTest) => Promise<void>,
): Promise<TrailRecord[]> {
  const proxy = await startProxy(postgres, settings)
  try {
    if (!('catalog' in settings)) await proxy.catalogKnown()
    await body(proxy)
  } catch (error) {
    await proxy.stop()
    throw error
  }
  const records = await proxy.finish()
  return statementsOf(records).filter((record) => record.session?.['user'] === 'caller')
}

const ready = 'Z\0\0\0\x05'

/** Sends all at once and waits for as many ReadyForQuery. */
async function send(proxy: ProxyUnderTest, answers: number, ...parts: Buffer[]): Promise<void> {
  const raw = await RawClient.connect(proxy.port)
  raw.send(startupPacket({ user: 'caller', database: 'postgres' }))
  await raw.until((text) => text.includes(ready))
  raw.send(...parts)
  await raw.until((text) => text.split(ready).length - 2 >= answers)
  raw.send(message('X'))
  await raw.closed()
}

const functionObject = (name: string, owner?: string) => [
  {
    name,
    type: 'FUNCTION',
    class: 'FUNCTION',
    access: ['execute'],
    ...(owner === undefined ? {} : { owner }),
    resolved: owner === undefined ? 'none' : 'catalog',
  },
]

describe('a FunctionCall', () => {
  it('of a function of the user has its name, owner and values', async () => {
    const add = await oidOf('"Odd".add(int, bigint)')
    const other = await oidOf('"Odd".add(text[], "Odd"."Mood")')
    const none = await oidOf('zero()')
    const eight = Buffer.alloc(8)
    eight.writeBigInt64BE(-5n)
    const records = await withProxy({}, async (proxy) => {
      await send(
        proxy,
        4,
        ...[
          binaryCall(add, int32(7), eight),
          textCall(other, ['{a}', 'fine']),
          textCall(none),
          textCall(add, ['x', null]),
        ],
      )
    })
    expect(records).toMatchObject([
      {
        class: 'FUNCTION',
        command: 'FUNCTION CALL',
        outcome: 'success',
        objects: functionObject('"Odd".add(integer, bigint)', 'maker'),
        statement: { protocol: 'function', text: '"Odd".add(integer, bigint)' },
        parameters: ['7', '-5'],
      },
      {
        objects: functionObject('"Odd".add(text[], "Odd"."Mood")', 'postgres'),
        parameters: ['{a}', 'fine'],
      },
      { objects: functionObject('public.zero()', 'postgres'), outcome: 'success' },
      { outcome: 'failure', sqlstate: '22P02', parameters: ['x', null] },
    ])
    expect(records[2]).not.toHaveProperty('parameters')
    for (const record of records) expect(record.analysis).toBeUndefined()
  })

  it('of the server’s own functions, of nobody’s, with and without a collation', async () => {
    const records = await withProxy({}, async (proxy) => {
      const [lower, abs] = [await oidOf('lower(text)'), await oidOf('abs(int)')]
      await send(proxy, 3, textCall(lower, ['A']), textCall(abs, ['-1']), textCall(4_000_000_000))
    })
    expect(records).toMatchObject([
      {
        outcome: 'failure',
        sqlstate: '42P22',
        objects: functionObject('pg_catalog.lower(text)', 'postgres'),
        parameters: ['A'],
      },
      { outcome: 'success', objects: functionObject('pg_catalog.abs(integer)', 'postgres') },
      {
        class: 'FUNCTION',
        outcome: 'failure',
        sqlstate: '42883',
        objects: functionObject('oid:4000000000'),
        statement: { text: '' },
      },
    ])
  })

  it('of a function that was made a moment ago asks the catalog once more', async () => {
    const records = await withProxy({ audit: { flush: { interval: '10s' } } }, async (proxy) => {
      await admin.query('CREATE FUNCTION newborn(date) RETURNS int LANGUAGE sql RETURN 1')
      await send(proxy, 1, textCall(await oidOf('newborn(date)'), ['2026-11-21']))
    })
    expect(records).toMatchObject([
      { objects: functionObject('public.newborn(date)', 'postgres'), parameters: ['2026-11-21'] },
    ])
  })

  it('without a catalog is a number that may be anything', async () => {
    const rules = [
      { name: 'any', object: ['finance.account'] },
      { name: 'functions', class: ['FUNCTION'] },
    ]
    const records = await withProxy({ catalog: undefined, rules }, async (proxy) => {
      await send(proxy, 1, textCall(await oidOf('zero()')))
    })
    expect(records).toMatchObject([
      { objects: [{ name: expect.stringMatching(/^oid:\d+$/), resolved: 'none' }] },
    ])
    expect(records[0]?.rules).toEqual(['any', 'functions'])
  })

  it('is matched by rules on what it is, once that is known', async () => {
    const rules = [
      { name: 'probe', application: ['catalog probe'] },
      { name: 'account', object: ['finance.account'] },
      { name: 'none', object: ['public.zero'] },
      { name: 'signature', object: ['public.zero()'], object_type: ['FUNCTION'] },
      { name: 'writes', class: ['WRITE'] },
      { name: 'functions', class: ['FUNCTION'] },
    ]
    const records = await withProxy({ rules }, async (proxy) => {
      await send(proxy, 1, textCall(await oidOf('zero()')))
    })
    expect(records[0]?.rules).toEqual(['none', 'signature', 'functions'])
  })

  it('is what object auditing asks for by a grant of EXECUTE, or where nobody knows it', async () => {
    await admin.query(`
      CREATE ROLE auditor;
      CREATE FUNCTION watched() RETURNS int LANGUAGE sql RETURN 1;
      GRANT EXECUTE ON FUNCTION watched TO auditor`)
    const rules = [{ name: 'probe', application: ['catalog probe'] }]
    const records = await withProxy({ rules, object_audit: { role: 'auditor' } }, async (proxy) => {
      const [watched, zero] = [await oidOf('watched()'), await oidOf('zero()')]
      await send(proxy, 3, textCall(watched), textCall(zero), textCall(4_000_000_000))
    })
    expect(records).toMatchObject([
      { objects: [{ name: 'public.watched()', audited: true, resolved: 'catalog' }] },
      { objects: [{ name: 'oid:4000000000', resolved: 'none' }], outcome: 'failure' },
    ])
  })

  it('keeps values out of the record that may be secrets', async () => {
    const records = await withProxy({}, async (proxy) => {
      await send(proxy, 1, textCall(await oidOf('check_password(text)'), ['hunter2']))
    })
    expect(records).toMatchObject([{ outcome: 'success', parameters: ['<REDACTED>'] }])
  })

  it('is skipped in a failed pipeline and refused in a failed transaction', async () => {
    const records = await withProxy({}, async (proxy) => {
      const none = await oidOf('zero()')
      await send(proxy, 1, ask('SELECT 1/0'), textCall(none), sync())
      await send(proxy, 4, query('BEGIN'), query('SELECT 1/0'), textCall(none), query('ROLLBACK'))
    })
    const calls = records.filter((record) => record.command === 'FUNCTION CALL')
    expect(calls).toMatchObject([
      { outcome: 'skipped', objects: functionObject('public.zero()', 'postgres') },
      {
        outcome: 'failure',
        sqlstate: '25P02',
        transaction: { state: 'failed' },
        objects: functionObject('public.zero()', 'postgres'),
      },
    ])
  })

  it('doubts what names mean where it may have changed that, and only there', async () => {
    const records = await withProxy({}, async (proxy) => {
      const [abs, set] = [await oidOf('abs(int)'), await oidOf('set_config(text,text,bool)')]
      const look = query('SELECT FROM orders WHERE false')
      await send(
        proxy,
        4,
        textCall(abs, ['-1']),
        look,
        textCall(set, ['search_path', 'public', 'f']),
        look,
      )
    })
    expect(records.map((record) => record.objects?.[0]?.['resolved'])).toEqual([
      'catalog',
      'catalog',
      'catalog',
      // It may have been the role.
      'assumed',
    ])
    expect(records[2]).toMatchObject({ parameters: ['<REDACTED>', '<REDACTED>', '<REDACTED>'] })
  })

  it('that takes long leaves a start record', async () => {
    const records = await withProxy({ audit: { start_after: '100ms' } }, async (proxy) => {
      const sleep = await oidOf('pg_advisory_lock(bigint)')
      await admin.query('SELECT pg_advisory_lock(42)')
      const call = send(proxy, 1, textCall(sleep, ['42']))
      await proxy.recordsUntil((all) => all.some((record) => record['phase'] === 'start'))
      await admin.query('SELECT pg_advisory_unlock(42)')
      await call
    })
    expect(records).toMatchObject([
      {
        phase: 'start',
        objects: functionObject('pg_catalog.pg_advisory_lock(bigint)', 'postgres'),
      },
      { outcome: 'success', statement: { text: 'pg_catalog.pg_advisory_lock(bigint)' } },
    ])
    expect(records[0]?.statement?.['uid']).toBe(records[1]?.statement?.['uid'])
  })
})

const has_psql = spawnSync('psql', ['--version']).status === 0

describe.skipIf(!has_psql)('large objects by libpq (skips without psql)', () => {
  it('are calls of the functions that they are', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-lo-'))
    const [from, to] = [join(scratch, 'from'), join(scratch, 'to')]
    writeFileSync(from, 'content of the file')
    const records = await withProxy({}, async (proxy) => {
      const script = `\\lo_import '${from}'\n\\lo_export :LASTOID '${to}'\n\\lo_unlink :LASTOID\n`
      const url = `postgresql://caller@127.0.0.1:${proxy.port}/postgres`
      const child = run('psql', ['-X', '-w', '-v', 'ON_ERROR_STOP=1', url])
      child.child.stdin?.end(script)
      await child
    })
    expect(readFileSync(to, 'utf8')).toBe('content of the file')
    rmSync(scratch, { recursive: true })
    const calls = records.filter((record) => record.statement?.['protocol'] === 'function')
    expect(calls.map((record) => [record.statement?.text, record.outcome])).toEqual(
      [
        'lo_creat(integer)',
        'lo_open(oid, integer)',
        'lowrite(integer, bytea)',
        'lo_close(integer)',
        'lo_open(oid, integer)',
        'loread(integer, integer)',
        'loread(integer, integer)',
        'lo_close(integer)',
        'lo_unlink(oid)',
      ].map((text) => [`pg_catalog.${text}`, 'success']),
    )
    const content = Buffer.from('content of the file').toString('hex')
    expect(calls[2]?.parameters).toEqual(['0', `\\x${content}`])
    expect(calls[8]?.parameters).toEqual([expect.stringMatching(/^\d+$/)])
  })
})
