import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ask,
  bind,
  closePortal,
  copyData,
  copyDone,
  copyFail,
  execute,
  flush,
  functionCall,
  message,
  parse,
  query,
  sync,
  terminate,
} from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

/**
 * The corners of the protocol that fool whoever believes what was asked instead of what was answered,
 * each tried on a real server; the numbers are those of our list of them.
 */

let postgres: ScratchPostgres
let proxy: ProxyUnderTest
let admin: pg.Client
let sessions = 0

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['host all all 127.0.0.1/32 trust'],
    settings: { max_prepared_transactions: '4' },
  })
  const { host, port } = postgres
  admin = new pg.Client({ host, port, user: 'postgres', database: 'postgres' })
  await admin.connect()
  await admin.query(`
    CREATE TABLE t (n int);
    CREATE TABLE parent (n int PRIMARY KEY);
    CREATE TABLE child (n int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
    CREATE SCHEMA a; CREATE TABLE a.t (n int);
    CREATE TABLE ran (what text);
    CREATE FUNCTION spy(what text) RETURNS bool LANGUAGE plpgsql AS
      $$BEGIN INSERT INTO ran VALUES (what); RETURN true; END$$;
    CREATE FUNCTION folds() RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
      $$BEGIN RETURN spy('in EXPLAIN'); END$$;
    CREATE DOMAIN spied AS text CHECK (spy(VALUE));
    CREATE TYPE spied_row AS (what spied);
    CREATE TABLE refusing (n int);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN RAISE EXCEPTION 'refused'; END$$;
    CREATE TRIGGER refuse BEFORE INSERT ON refusing FOR EACH STATEMENT EXECUTE FUNCTION refuse()`)
  proxy = await startProxy(postgres)
  await proxy.catalogKnown()
})

afterAll(async () => {
  await proxy.stop()
  await admin.end()
  await postgres.stop()
})

/** Counts ReadyForQuery in what a client received so far, the one of the login included. */
const readies = (text: string) => text.split(/Z\0\0\0\x05[ITE]/).length - 1

/** One session of raw messages; gives its statements and transaction ends once it is over. */
async function recordsOf(
  script: (raw: RawClient) => Promise<unknown>,
  parameters: Readonly<Record<string, string>> = {},
  through: ProxyUnderTest = proxy,
): Promise<TrailRecord[]> {
  sessions++
  const application_name = `corner session ${sessions}`
  const raw = await RawClient.connect(through.port)
  const login = { user: 'postgres', database: 'postgres', application_name, ...parameters }
  raw.send(startupPacket(login))
  if (parameters['database'] === undefined) await raw.until((text) => readies(text) === 1)
  await script(raw)
  raw.end()
  const own = (record: TrailRecord) => record.session?.['application'] === application_name
  const over = /^(?:disconnection|connection refused)$/
  const all = await through.recordsUntil((records) =>
    records.some((record) => own(record) && over.test(record.command)),
  )
  return all.filter((record) => own(record) && record['phase'] === undefined)
}

/** Sends everything in one packet and waits for as many ReadyForQuery. */
function inOnePacket(expected: number, ...messages: readonly Buffer[]) {
  return async (raw: RawClient) => {
    raw.send(...messages)
    await raw.until((text) => readies(text) === expected + 1)
  }
}

function statements(records: readonly TrailRecord[]): string[] {
  return records.flatMap((record) => {
    const told = [record.class, record.command, record.outcome, record.sqlstate ?? '-']
    if (record.command === 'transaction end') return [[...told, record.detail?.['fate']].join(' ')]
    if (record.statement === undefined) return []
    const analysis = record.analysis === undefined ? [] : [record.analysis]
    return [[...told, record.rows ?? '-', ...analysis, record.statement.text].join(' ')]
  })
}

async function numbersIn(table: string): Promise<unknown[]> {
  const { rows } = await admin.query(`SELECT n FROM ${table} ORDER BY 1`)
  await admin.query(`TRUNCATE ${table} CASCADE`)
  return rows.map((row) => row.n)
}

describe('names', () => {
  it('of a statement stay when a second Parse of theirs fails (corner 1)', async () => {
    const records = await recordsOf(
      inOnePacket(
        4,
        query('INSERT INTO t VALUES (1), (2)'),
        Buffer.concat([parse('s', 'DELETE FROM t'), sync()]),
        Buffer.concat([
          parse('s', 'SELECT 1 AS harmless'),
          sync(),
          bind('', 's'),
          execute(),
          sync(),
        ]),
      ),
    )
    expect(statements(records)).toEqual([
      'WRITE INSERT success 00000 2 INSERT INTO t VALUES (1), (2)',
      'READ SELECT failure 42P05 - SELECT 1 AS harmless',
      'WRITE DELETE success 00000 2 DELETE FROM t',
    ])
  })

  it('are compared by 63 bytes (corner 4)', async () => {
    const long = 'n'.repeat(63)
    const records = await recordsOf(
      inOnePacket(
        1,
        Buffer.concat([parse('', 'SELECT 1'), bind(`${long}B`, ''), closePortal(`${long}A`)]),
        Buffer.concat([parse('', 'INSERT INTO t VALUES (4)'), bind(`${long}A`, '')]),
        Buffer.concat([execute(`${long}B`), sync()]),
      ),
    )
    expect(await numbersIn('t')).toEqual([4])
    expect(statements(records)).toEqual([
      'READ SELECT prepared - - SELECT 1',
      'WRITE INSERT success 00000 1 INSERT INTO t VALUES (4)',
    ])
  })

  it('are shared by SQL and protocol, cursors too (corner 5)', async () => {
    const declare = 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t'
    const records = await recordsOf(
      inOnePacket(
        4,
        query('PREPARE p AS INSERT INTO t VALUES (5)'),
        Buffer.concat([bind('', 'p'), execute(), sync()]),
        query(`BEGIN; ${declare}; COMMIT`),
        Buffer.concat([execute('c'), sync()]),
      ),
    )
    expect(await numbersIn('t')).toEqual([5])
    expect(statements(records)).toEqual([
      'WRITE PREPARE success 00000 - PREPARE p AS INSERT INTO t VALUES (5)',
      'WRITE INSERT success 00000 1 PREPARE p AS INSERT INTO t VALUES (5)',
      'MISC BEGIN success 00000 - BEGIN',
      `READ DECLARE CURSOR success 00000 - ${declare}`,
      'MISC COMMIT success 00000 - COMMIT',
      `READ SELECT success 00000 1 ${declare}`,
    ])
  })

  it('may be given to another statement by a DO, for SQL and for the protocol (corner 5)', async () => {
    const exchange = (name: string, text: string) =>
      `DO $$BEGIN EXECUTE 'DEALLOCATE ${name}'; EXECUTE 'PREPARE ${name} AS ${text}'; END$$`
    const records = await recordsOf(
      inOnePacket(
        6,
        query('PREPARE p AS SELECT 1'),
        Buffer.concat([parse('s', 'SELECT 2'), sync()]),
        query(exchange('p', 'INSERT INTO t VALUES (51)')),
        query(exchange('s', 'WITH x AS (INSERT INTO t VALUES (52)) SELECT 3')),
        query('EXECUTE p'),
        Buffer.concat([bind('', 's'), execute(), sync()]),
      ),
    )
    expect(await numbersIn('t')).toEqual([51, 52])
    expect(statements(records).slice(-2)).toEqual([
      'WRITE INSERT success 00000 1 mismatch EXECUTE p',
      'WRITE SELECT success 00000 1 ambiguous SELECT 2',
    ])
    expect(records.findLast(({ statement }) => statement)?.rules).toEqual([])
  })

  it('are bound at Bind, for the life of the portal (corner 11)', async () => {
    const records = await recordsOf(
      inOnePacket(
        1,
        Buffer.concat([parse('s', 'INSERT INTO t VALUES (11)'), bind('p', 's')]),
        Buffer.concat([ask('SET search_path = a'), execute('p'), bind('q', 's'), execute('q')]),
        sync(),
      ),
    )
    const objects = records.flatMap((record) => record.objects?.map(({ name }) => name) ?? [])
    expect([await numbersIn('public.t'), await numbersIn('a.t')]).toEqual([[11], [11]])
    expect(objects).toEqual(['public.t', 'a.t'])
  })
})

describe('server code runs without an Execute', () => {
  it('in a Parse, and is a record (corner 2)', async () => {
    const text = `SELECT '("in Parse")'::spied_row`
    const records = await recordsOf(inOnePacket(1, parse('', text), sync()))
    expect((await admin.query('SELECT what FROM ran')).rows).toEqual([{ what: 'in Parse' }])
    expect(statements(records)).toEqual([`READ SELECT prepared - - ${text}`])
  })

  it('in a Bind, and is a record with its values (corner 2)', async () => {
    await admin.query('TRUNCATE ran')
    const records = await recordsOf(
      inOnePacket(1, parse('', 'SELECT $1::spied'), bind('', '', ['in Bind']), sync()),
    )
    // PostgreSQL 18 checks the domain while it plans; 15 does as well.
    expect((await admin.query('SELECT what FROM ran')).rows).toEqual([{ what: 'in Bind' }])
    expect(statements(records)).toEqual(['READ SELECT prepared - - SELECT $1::spied'])
    expect(records.find(({ statement }) => statement)?.parameters).toEqual(['in Bind'])
  })

  it('in a plain EXPLAIN, which names the function that it folds (corner 2)', async () => {
    await admin.query('TRUNCATE ran')
    const records = await recordsOf(inOnePacket(1, query('EXPLAIN SELECT folds()')))
    expect((await admin.query('SELECT DISTINCT what FROM ran')).rows).toEqual([
      { what: 'in EXPLAIN' },
    ])
    expect(statements(records)).toEqual(['FUNCTION EXPLAIN success 00000 1 EXPLAIN SELECT folds()'])
    expect(records.find(({ statement }) => statement)?.objects).toMatchObject([
      { name: 'public.folds', class: 'FUNCTION' },
    ])
  })
})

describe('COPY', () => {
  it('swallows the Sync that was sent before its data: one ReadyForQuery (corner 3)', async () => {
    const records = await recordsOf(async (raw) => {
      raw.send(ask('COPY t FROM STDIN'), sync())
      await raw.until((text) => text.includes('G\0\0\0'))
      raw.send(copyData('3\n'), copyDone(), sync(), query('SELECT 33'))
      await raw.until((text) => text.includes('SELECT 1\0'))
      await raw.until((text) => readies(text) === 3)
    })
    expect(await numbersIn('t')).toEqual([3])
    expect(statements(records)).toEqual([
      'WRITE COPY success 00000 1 COPY t FROM STDIN',
      'READ SELECT success 00000 1 SELECT 33',
    ])
  })

  it('that a trigger ends at once answers both Syncs (corner 3)', async () => {
    const records = await recordsOf(async (raw) => {
      raw.send(ask('COPY refusing FROM STDIN'), sync())
      await raw.until((text) => text.includes('P0001'))
      raw.send(copyData('3\n'), copyDone(), sync(), query('SELECT 33'))
      await raw.until((text) => readies(text) === 4)
    })
    expect(statements(records)).toEqual([
      'WRITE COPY failure P0001 - COPY refusing FROM STDIN',
      'READ SELECT success 00000 1 SELECT 33',
    ])
  })

  it('ended by CopyFail has failed; it was not cancelled (corner 19)', async () => {
    const records = await recordsOf(async (raw) => {
      raw.send(query('COPY t FROM STDIN'))
      await raw.until((text) => text.includes('G\0\0\0'))
      raw.send(copyData('3\n'), copyFail('no'))
      await raw.until((text) => readies(text) === 2)
    })
    expect(statements(records)).toEqual(['WRITE COPY failure 57014 - COPY t FROM STDIN'])
  })

  it.each([
    ['a Parse', parse('', 'DELETE FROM t')],
    ['a Query', query('DELETE FROM t')],
    ['Terminate', terminate()],
  ])(
    'ends the session at %s among its data, which runs nothing (corner 19)',
    async (_name, among) => {
      const records = await recordsOf(async (raw) => {
        raw.send(query('COPY t FROM STDIN'))
        await raw.until((text) => text.includes('G\0\0\0'))
        raw.send(copyData('3\n'), among, copyDone(), query('DELETE FROM t'))
        expect((await raw.closed()).split('08P01').length - 1).toBe(2)
      })
      const told = statements(records)
      expect(told[0]).toBe('WRITE COPY failure 08P01 - COPY t FROM STDIN')
      expect(told.slice(1).every((line) => line.includes('DELETE skipped'))).toBe(true)
      expect(records.at(-1)).toMatchObject({ command: 'disconnection', sqlstate: '08P01' })
    },
  )

  it('ignores Sync and Flush among its data, and the server CopyData outside of it (corner 19)', async () => {
    const records = await recordsOf(async (raw) => {
      raw.send(copyData('stray'), copyDone(), copyFail('stray'), query('COPY t FROM STDIN'))
      await raw.until((text) => text.includes('G\0\0\0'))
      raw.send(copyData('7\n'), sync(), flush(), copyDone(), query('SELECT 8'), copyData('stray'))
      await raw.until((text) => readies(text) === 3)
    })
    expect(await numbersIn('t')).toEqual([7])
    expect(statements(records)).toEqual([
      'WRITE COPY success 00000 1 COPY t FROM STDIN',
      'READ SELECT success 00000 1 SELECT 8',
    ])
  })
})

describe('what was answered may be undone', () => {
  it('by a deferred constraint at Sync, which belongs to no statement (corners 7, 17)', async () => {
    const records = await recordsOf(inOnePacket(1, ask('INSERT INTO child VALUES (7)'), sync()))
    expect(statements(records)).toEqual([
      'WRITE INSERT success 00000 1 INSERT INTO child VALUES (7)',
      'ERROR  failure 23503 - ',
      'MISC transaction end failure 23503 rolled back',
    ])
  })

  it('by a deferred constraint at the last statement of a Query (corner 17)', async () => {
    const text = 'INSERT INTO child VALUES (7); SELECT 17'
    const records = await recordsOf(inOnePacket(1, query(text)))
    expect(statements(records)).toEqual([
      'WRITE INSERT success 00000 1 INSERT INTO child VALUES (7)',
      'READ SELECT failure 23503 1 SELECT 17',
      'MISC transaction end failure 23503 rolled back',
    ])
  })

  it('by a later error in the same Query, or by the end before the Sync (corner 7)', async () => {
    const query_text = 'INSERT INTO t VALUES (71); SELECT 1/0'
    expect(statements(await recordsOf(inOnePacket(1, query(query_text)))).at(-1)).toBe(
      'MISC transaction end failure 22012 rolled back',
    )
    const records = await recordsOf(async (raw) => {
      raw.send(ask('INSERT INTO t VALUES (72)'), flush())
      await raw.until((text) => text.includes('INSERT 0 1\0'))
      raw.send(terminate())
      await raw.closed()
    })
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual([
      'WRITE INSERT success 00000 1 INSERT INTO t VALUES (72)',
      'MISC transaction end failure - rolled back',
    ])
  })

  it('by executing a finished portal again; a finished SELECT gives no rows (corner 17)', async () => {
    const insert = [parse('', 'INSERT INTO t VALUES (17)'), bind('', ''), execute(), execute()]
    const select = [parse('', 'SELECT 17'), bind('', ''), execute(), execute()]
    const records = await recordsOf(inOnePacket(2, ...insert, sync(), ...select, sync()))
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual([
      'WRITE INSERT success 00000 1 INSERT INTO t VALUES (17)',
      'WRITE INSERT failure 55000 - INSERT INTO t VALUES (17)',
      'MISC transaction end failure 55000 rolled back',
      'READ SELECT success 00000 1 SELECT 17',
      'READ SELECT success 00000 0 SELECT 17',
    ])
  })

  it('as SET is, with its whole batch (corner 21)', async () => {
    const records = await recordsOf(
      inOnePacket(2, query('SET search_path = a; SELECT 1/0'), query('SELECT n FROM t')),
    )
    expect(records.findLast(({ statement }) => statement)?.objects?.[0]).toMatchObject({
      name: 'public.t',
      resolved: 'catalog',
    })
  })
})

describe('a row limit', () => {
  it('does not limit what INSERT … RETURNING writes (corners 8, 18)', async () => {
    const text = 'INSERT INTO t SELECT generate_series(1, 3) RETURNING n'
    const records = await recordsOf(
      inOnePacket(1, parse('', text), bind('p', ''), execute('p', 1), closePortal('p'), sync()),
    )
    expect(await numbersIn('t')).toEqual([1, 2, 3])
    expect(statements(records)).toEqual([`WRITE INSERT suspended 00000 1 ${text}`])
  })

  it('makes the last tag count the last part, under one uid (corner 18)', async () => {
    const text = 'INSERT INTO t SELECT generate_series(1, 3) RETURNING n'
    const parts = [execute('p', 2), execute('p', 2)]
    const records = await recordsOf(
      inOnePacket(1, parse('', text), bind('p', ''), ...parts, sync()),
    )
    expect(await numbersIn('t')).toEqual([1, 2, 3])
    expect(statements(records)).toEqual([
      `WRITE INSERT suspended 00000 2 ${text}`,
      `WRITE INSERT success 00000 1 ${text}`,
    ])
    const uids = records.flatMap(({ statement }) => (statement ? [statement['uid']] : []))
    expect(new Set(uids).size).toBe(1)
  })

  it('is ignored without RETURNING (corner 18)', async () => {
    const text = 'INSERT INTO t SELECT generate_series(1, 3)'
    const records = await recordsOf(
      inOnePacket(1, parse('', text), bind('p', ''), execute('p', 1), sync()),
    )
    expect(await numbersIn('t')).toEqual([1, 2, 3])
    expect(statements(records)).toEqual([`WRITE INSERT success 00000 3 ${text}`])
  })
})

describe('tags', () => {
  it('mislead both ways (corner 6)', async () => {
    const cte = 'WITH d AS (DELETE FROM t RETURNING n) SELECT * FROM d'
    const records = await recordsOf(
      inOnePacket(
        6,
        query('PREPARE d AS DELETE FROM t; EXECUTE d'),
        query('CREATE TABLE made AS SELECT 1 AS n'),
        query(cte),
        query('BEGIN; SELECT 1/0'),
        query('COMMIT'),
        query("SELECT query_to_xml('SELECT * FROM t', true, true, '')"),
      ),
    )
    await admin.query('DROP TABLE made')
    expect(statements(records).filter((line) => !/PREPARE d|BEGIN|SELECT 1\/0/.test(line))).toEqual(
      [
        'WRITE DELETE success 00000 0 EXECUTE d',
        'DDL CREATE TABLE AS success 00000 1 CREATE TABLE made AS SELECT 1 AS n',
        `WRITE SELECT success 00000 0 ${cte}`,
        'MISC COMMIT failure - - COMMIT',
        'MISC transaction end failure 22012 rolled back',
        "FUNCTION SELECT success 00000 1 SELECT query_to_xml('SELECT * FROM t', true, true, '')",
      ],
    )
  })
})

describe('a Query', () => {
  it('with a syntax error runs none of itself; of blanks alone it is empty (corner 9)', async () => {
    const text = 'INSERT INTO t VALUES (9); SELEKT 1'
    const records = await recordsOf(inOnePacket(3, query(text), query(';;'), query('SELECT 9')))
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual([
      `ERROR  failure 42601 - ${text}`,
      'READ SELECT success 00000 1 SELECT 9',
    ])
  })

  it('and a FunctionCall are skipped behind an error, without a ReadyForQuery (corner 16)', async () => {
    const records = await recordsOf(
      inOnePacket(
        2,
        parse('', 'SELECT nosuch'),
        query('INSERT INTO t VALUES (16)'),
        functionCall(1),
        sync(),
        query('SELECT 16'),
      ),
    )
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual([
      'READ SELECT failure 42703 - SELECT nosuch',
      'WRITE INSERT skipped - - INSERT INTO t VALUES (16)',
      'FUNCTION FUNCTION CALL skipped - - ',
      'READ SELECT success 00000 1 SELECT 16',
    ])
  })

  it('that escapes make another is never less than WRITE (corner 20)', async () => {
    // The tag is SELECT 1 in both modes; the DELETE is part of a string in one of them.
    const text = `WITH a AS (SELECT '\\'' AS q), d AS (DELETE FROM t) SELECT ' AS q) SELECT 1 --'`
    const records = await recordsOf(async (raw) => {
      raw.send(query('INSERT INTO t VALUES (20)'), query(text))
      await raw.until((received) => readies(received) === 3)
      raw.send(ask('SET standard_conforming_strings = off'), ask(text), sync())
      await raw.until((received) => readies(received) === 4)
      // Our grammar knows the standard alone; that the server runs what it refuses is no surprise.
      raw.send(query("SELECT 'it\\'s'"))
      await raw.until((received) => readies(received) === 5)
    })
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual([
      'WRITE INSERT success 00000 1 INSERT INTO t VALUES (20)',
      `READ SELECT success 00000 1 ${text}`,
      'MISC SET success 00000 - SET standard_conforming_strings = off',
      `WRITE SELECT success 00000 1 ambiguous ${text}`,
      "WRITE SELECT success 00000 1 unparsed SELECT 'it\\'s'",
    ])
  })

  it('of 200,000 parentheses fails, and the session lives (corner 23)', async () => {
    const deep = `SELECT ${'('.repeat(200_000)}1${')'.repeat(200_000)}`
    const records = await recordsOf(inOnePacket(2, query(deep), query('SELECT 23')))
    expect(records.find(({ statement }) => statement)).toMatchObject({ outcome: 'failure' })
    expect(statements(records).at(-1)).toBe('READ SELECT success 00000 1 SELECT 23')
  })

  it('ends a comment at a carriage return (corner 23)', async () => {
    const text = '-- hidden\rINSERT INTO t VALUES (23)'
    const records = await recordsOf(inOnePacket(1, query(text)))
    expect(await numbersIn('t')).toEqual([23])
    expect(statements(records)[0]).toContain('WRITE INSERT success 00000 1')
  })
})

describe('a FunctionCall', () => {
  it('has no collation (corner 25)', async () => {
    // lower(text) is function 870 in pg_proc.dat.
    const records = await recordsOf(inOnePacket(1, functionCall(870, ['X'])))
    expect(statements(records)).toEqual([
      'FUNCTION FUNCTION CALL failure 42P22 - pg_catalog.lower(text)',
    ])
  })
})

describe('a login', () => {
  it.each([
    ['a database that does not exist', { database: 'nosuch' }, '3D000', 'connection refused'],
    [
      'a role that does not exist',
      { database: 'postgres', user: 'nosuch' },
      '28000',
      'authentication failed',
    ],
  ])('to %s is refused after AuthenticationOk (corners 10, 24)', async (...one) => {
    const [, parameters, sqlstate, command] = one
    const application_name = `refused ${sqlstate}`
    const raw = await RawClient.connect(proxy.port)
    raw.send(
      startupPacket({ user: 'postgres', application_name, ...parameters }),
      query('INSERT INTO t VALUES (10)'),
      ask('INSERT INTO t VALUES (11)', ['x']),
      sync(),
    )
    const text = await raw.closed()
    expect(text.startsWith('R\0\0\0\x08\0\0\0\0')).toBe(true)
    const own = (all: readonly TrailRecord[]) =>
      all.filter(({ session }) => session?.['application'] === application_name)
    const records = own(await proxy.recordsUntil((all) => own(all).length >= 3))
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual([
      'WRITE INSERT skipped - - INSERT INTO t VALUES (10)',
      'WRITE INSERT skipped - - INSERT INTO t VALUES (11)',
    ])
    const refused = records.find((record) => record.command === command)
    expect(refused).toMatchObject({ outcome: 'failure', sqlstate })
    expect(refused?.session).not.toHaveProperty('pid')
  })
})

describe('24 bytes', () => {
  it('execute a text of a megabyte again, each with its record (corner 13)', async () => {
    const text = `SELECT 1 /* ${'x'.repeat(1024 * 1024)} */`
    const times = 40
    const again = Buffer.concat(
      Array.from({ length: times }, () => [bind('', 's'), execute()]).flat(),
    )
    const records = await recordsOf(inOnePacket(1, parse('s', text), again, sync()))
    const executions = records.filter(({ statement }) => statement)
    expect(executions).toHaveLength(times)
    expect(new Set(executions.map(({ statement }) => statement?.['sha256'])).size).toBe(1)
  })
})

describe('messages in the wrong state', () => {
  it.each([
    ['a password after the login', message('p', 'secret\0')],
    ['a type that does not exist', message('y', '')],
    ['a Close of neither a statement nor a portal', message('C', 'x\0')],
    ['a Bind that is cut short', message('B', '\0\0')],
  ])('end the session with 08P01 and a record: %s', async (_name, wrong) => {
    const records = await recordsOf(async (raw) => {
      raw.send(query('SELECT 1'), wrong, query('INSERT INTO t VALUES (99)'))
      expect(await raw.closed()).toContain('08P01')
    })
    expect(await numbersIn('t')).toEqual([])
    expect(statements(records)).toEqual(['READ SELECT success 00000 1 SELECT 1'])
    expect(records).toContainEqual(
      expect.objectContaining({ command: 'protocol violation', sqlstate: '08P01' }),
    )
  })

  it('are answered as the server does: Execute and Bind before any Parse', async () => {
    const records = await recordsOf(
      inOnePacket(3, execute('nosuch'), sync(), bind('', 'nosuch'), sync(), execute(), sync()),
    )
    expect(statements(records)).toEqual([
      'ERROR  failure 34000 - ',
      'ERROR  failure 26000 - ',
      'ERROR  failure 34000 - ',
    ])
  })
})

describe('a server process that is ended while it waits for a standby (corner 8)', () => {
  it('has committed, and says so by a warning alone: the outcome is unknown', async () => {
    const own = await startPostgres({
      hba: ['host all all 127.0.0.1/32 trust'],
      settings: { synchronous_standby_names: 'nobody' },
    })
    const observer = new pg.Client({
      host: own.host,
      port: own.port,
      user: 'postgres',
      database: 'postgres',
    })
    await observer.connect()
    await observer.query('SET synchronous_commit = local')
    await observer.query('CREATE TABLE t (n int)')
    const before = await startProxy(own)
    const waiting =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    const ended = (...messages: readonly Buffer[]) =>
      recordsOf(
        async (raw) => {
          raw.send(...messages)
          while ((await observer.query(waiting)).rowCount === 0);
          await raw.closed()
        },
        {},
        before,
      )
    const alone = await ended(query('INSERT INTO t VALUES (1)'))
    const block = await ended(query('BEGIN; INSERT INTO t VALUES (2)'), query('COMMIT'))
    const pipeline = await ended(ask('INSERT INTO t VALUES (3)'), sync())
    const { rows } = await observer.query('SELECT n FROM t ORDER BY 1')
    await observer.end()
    await before.stop()
    await own.stop()
    expect(rows.map(({ n }) => n)).toEqual([1, 2, 3])
    expect(statements(alone)).toEqual(['WRITE INSERT unknown 57P01 - INSERT INTO t VALUES (1)'])
    expect(statements(block).slice(-2)).toEqual([
      'MISC COMMIT unknown 57P01 - COMMIT',
      'MISC transaction end unknown 57P01 unknown',
    ])
    expect(statements(pipeline)).toEqual([
      'WRITE INSERT success 00000 1 INSERT INTO t VALUES (3)',
      'ERROR  unknown 57P01 - ',
      'MISC transaction end unknown 57P01 unknown',
    ])
  })

  it('and one that is ended while it works has not, unless it may have been committing', async () => {
    const ending =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    const ended = (...messages: readonly Buffer[]) =>
      recordsOf(async (raw) => {
        raw.send(...messages)
        while ((await admin.query(ending)).rowCount === 0);
        await raw.closed()
      })
    const block = await ended(
      query('BEGIN; INSERT INTO t VALUES (1)'),
      query('INSERT INTO t SELECT 2 FROM pg_sleep(60)'),
      query('COMMIT'),
    )
    expect(await numbersIn('t')).toEqual([])
    expect(statements(block)).toEqual([
      'MISC BEGIN success 00000 - BEGIN',
      'WRITE INSERT success 00000 1 INSERT INTO t VALUES (1)',
      'WRITE INSERT failure 57P01 - INSERT INTO t SELECT 2 FROM pg_sleep(60)',
      'MISC COMMIT skipped - - COMMIT',
      'MISC transaction end failure 57P01 rolled back',
    ])
    const alone = await ended(query('INSERT INTO t SELECT 3 FROM pg_sleep(60)'))
    expect(statements(alone)).toEqual([
      'WRITE INSERT unknown 57P01 - INSERT INTO t SELECT 3 FROM pg_sleep(60)',
    ])
    const reading = await ended(query('SELECT pg_sleep(60)'))
    expect(statements(reading)).toEqual(['READ SELECT failure 57P01 - SELECT pg_sleep(60)'])
  })
})
