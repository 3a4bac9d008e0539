import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { detail_schemas } from '../../src/record/detail.js'
import {
  ask,
  bind,
  copyData,
  copyDone,
  copyFail,
  describePortal,
  execute,
  functionCall,
  parse,
  query,
  sync,
} from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'
import { faultsOfLine } from '../support/record-schema.js'

/** Longer than `statement_max`, with characters that a line must not hold as they are. */
const long_text = `SELECT '${'x'.repeat(2_000)}' AS "\u0085 \u2028 \t \u{1f512}"`
const ready = /Z\0\0\0\x05[ITE]/g

let postgres: ScratchPostgres
let proxy: ProxyUnderTest
let lines: string[]
let records: TrailRecord[]

/** What drivers send: something of every class, every outcome that a simple client can have. */
async function driverSession(): Promise<void> {
  const client = await proxy.client({ application_name: 'driver' })
  const attempt = (text: string, values?: unknown[]) =>
    client.query(text, values).catch(() => undefined)
  await client.query('CREATE TABLE account (id int PRIMARY KEY, name text)')
  await client.query('CREATE VIEW names AS SELECT name FROM account')
  await client.query("INSERT INTO account VALUES (1, 'it''s'); SELECT * FROM names; SELECT 1 AS b")
  await client.query('INSERT INTO account VALUES ($1, $2)', [2, null])
  await client.query({ name: 'by name', text: 'SELECT * FROM account WHERE id = $1', values: [1] })
  await client.query('PREPARE p (int) AS SELECT $1; EXECUTE p (4); DEALLOCATE p')
  await client.query('CREATE ROLE someone; GRANT SELECT, INSERT ON account TO someone')
  await client.query('GRANT SELECT (id), UPDATE (name) ON account TO auditor')
  await client.query('CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS $$ SELECT $1 * 2 $$')
  await client.query('SELECT twice(3)')
  await client.query("SET pgwitness.user_info = 'counter 7'; SET ROLE someone; SELECT 1")
  await client.query('RESET ROLE')
  for (const text of ['SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0', '']) await attempt(text)
  await attempt('SELECT $1::int', ['no number'])
  await client.query('BEGIN')
  await client.query('DELETE FROM account')
  for (const text of ['SELECT nonsense', 'SELECT 1', 'COMMIT']) await attempt(text)
  await client.query(long_text)
  await client.query("SET statement_timeout = '1ms'")
  await attempt('SELECT pg_sleep(5)')
  await client.query('RESET statement_timeout')
  await client.query('SELECT pg_sleep(0.5)')
  await client.end()
}

/** What drivers do not send: suspended portals, unused statements, function calls, lost ends. */
async function rawSession(): Promise<void> {
  const raw = await RawClient.connect(proxy.port)
  let answers = 0
  const send = async (...parts: Buffer[]) => {
    raw.send(...parts)
    answers += 1
    await raw.until((text) => (text.match(ready)?.length ?? 0) >= answers)
  }
  await send(startupPacket({ user: 'trusted', database: 'postgres', application_name: 'raw' }))
  await send(query('CREATE TABLE part (n int); INSERT INTO part SELECT generate_series(1, 5)'))
  const portal = [parse('s', 'SELECT * FROM part'), bind('portal', 's')]
  await send(...portal, execute('portal', 2), execute('portal', 2), execute('portal'), sync())
  await send(parse('unused', 'DELETE FROM part'), sync())
  await send(ask('SELECT nothing'), ask('DELETE FROM part'), sync())
  await send(parse('broken', 'SELEC'), sync())
  await send(bind('', 'missing'), describePortal(''), sync())
  await send(parse('', 'SELECT $1', [23]), bind('', '', ['\0\0\0\x07'], [1]), execute(), sync())
  // 1598 is random().
  await send(functionCall(1598))
  raw.send(query('COPY part FROM STDIN'), copyData('6\n7\n'), copyDone())
  raw.send(query('COPY part FROM STDIN'), copyFail('no more'))
  answers += 1
  await send(query('COPY part TO STDOUT'))
  await send(query('BEGIN; INSERT INTO part VALUES (8); SAVEPOINT s; LOCK TABLE part'))
  raw.send(query('INSERT INTO part VALUES (9); SELECT pg_terminate_backend(pg_backend_pid())'))
  await raw.closed()
}

/** The server process dies at once: nobody knows what became of its statement. */
async function lostSession(): Promise<void> {
  const raw = await RawClient.connect(proxy.port)
  raw.send(startupPacket({ user: 'trusted', database: 'postgres', application_name: 'lost' }))
  await raw.until((text) => text.match(ready) !== null)
  raw.send(query('INSERT INTO part SELECT 10 FROM pg_sleep(60)'))
  const running = (record: TrailRecord) => record.session?.['application'] === 'lost'
  const started = await proxy.recordsUntil((all) =>
    all.some((record) => running(record) && record['phase'] === 'start'),
  )
  process.kill(
    Number(
      started.find((record) => running(record) && record['phase'] === 'start')?.session?.['pid'],
    ),
    'SIGKILL',
  )
  await raw.closed()
}

/** Connections that come to nothing, and a cancel request. */
async function strangers(): Promise<void> {
  await proxy.client({ password: 'wrong' }).catch(() => undefined)
  await proxy.client({ database: 'nowhere' }).catch(() => undefined)
  const cancel = await RawClient.connect(proxy.port)
  cancel.send(Buffer.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2]))
  await cancel.closed()
  const garbage = await RawClient.connect(proxy.port)
  garbage.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  await garbage.closed()
}

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
  })
  const admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await admin.connect()
  await admin.query('CREATE ROLE auditor; CREATE ROLE trusted LOGIN SUPERUSER')
  await admin.end()
  proxy = await startProxy(postgres, {
    object_audit: { role: 'auditor' },
    audit: { start_after: '200ms', statement_max: '1KiB', rotate: { size: '64KiB' } },
  })
  await proxy.catalogKnown()
  await driverSession()
  await rawSession()
  await strangers()
  const filler = await proxy.client({ application_name: 'filler' })
  for (let index = 0; index < 100; index++) await filler.query('SELECT 1')
  await filler.end()
  await lostSession()
  await postgres.stop()
  await proxy.client().catch(() => undefined)
  await proxy.recordsUntil((all) => all.some((record) => record.class === 'SYSTEM'))
  await proxy.stop()
  lines = await proxy.lines()
  records = lines.map((line): TrailRecord => JSON.parse(line))
})

afterAll(async () => {
  await proxy.finish()
})

it('keeps the contract of the file format in every line', () => {
  const faults = lines.flatMap((line) => faultsOfLine(line).map((fault) => ({ fault, line })))
  expect(faults).toEqual([])
})

it('numbers the records of a start from 1 without gaps', () => {
  expect(records.map((record) => record.seq)).toEqual(records.map((_, index) => index + 1))
  expect(new Set(records.map((record) => `${record['trail']} ${record['epoch']}`)).size).toBe(1)
})

it('has seen what a server can be brought to', () => {
  const seen = (key: string) => new Set(records.map((record) => record[key]))
  const classes = ['AUDIT', 'CONNECT', 'DDL', 'ERROR', 'FUNCTION', 'MISC', 'READ', 'ROLE', 'SYSTEM']
  expect(seen('class')).toEqual(new Set([...classes, 'WRITE']))
  const outcomes = ['cancelled', 'failure', 'prepared', 'skipped', 'success', 'suspended']
  expect(seen('outcome')).toEqual(new Set([...outcomes, 'unknown', undefined]))
  expect(seen('phase')).toEqual(new Set(['start', undefined]))
  const with_detail = records.filter((record) => record.detail !== undefined)
  const details = new Set(with_detail.map((record) => record.command))
  for (const command of ['disconnection', 'cancel request', 'transaction end', 'audit.rotate']) {
    expect(Object.keys(detail_schemas)).toContain(command)
    expect(details).toContain(command)
  }
  const protocols = records.map((record) => record.statement?.['protocol'])
  expect(new Set(protocols)).toEqual(new Set(['simple', 'extended', 'function', undefined]))
})

it('shows a binary parameter, NULL, a cut text, grants and what object auditing marked', () => {
  const byText = (start: string) =>
    records.find(
      (record) => record.statement?.text.startsWith(start) && record.outcome === 'success',
    )
  expect(byText('SELECT $1')?.parameters).toEqual(['7'])
  expect(byText('INSERT INTO account VALUES ($1')?.parameters).toEqual(['2', null])
  expect(byText("SELECT 'xxx")?.statement).toMatchObject({
    length: Buffer.byteLength(long_text),
  })
  expect(byText('GRANT SELECT, INSERT')?.['grants']).toEqual([
    { privilege: 'SELECT', grantee: 'someone' },
    { privilege: 'INSERT', grantee: 'someone' },
  ])
  expect(byText('EXECUTE p')).toMatchObject({
    class: 'READ',
    statement: { prepared: 'PREPARE p (int) AS SELECT $1' },
    parameters: ['4'],
  })
  expect(records.some((record) => record.objects?.some((object) => object['audited']))).toBe(true)
})

it('names the role, what the application says of its user, and the transaction', () => {
  const own = records.filter((record) => record.session?.['application'] === 'driver')
  const as_someone = own.filter((record) => record.session?.['role'] === 'someone')
  expect(as_someone.map((record) => record.statement?.text)).toEqual(['SELECT 1', 'RESET ROLE'])
  expect(as_someone[0]?.session?.['user_info']).toBe('counter 7')
  const aborted = own.filter((record) => record.transaction?.state === 'failed')
  expect(aborted.map((record) => [record.command, record.outcome])).toEqual([
    ['SELECT', 'failure'],
    ['COMMIT', 'failure'],
    ['transaction end', 'failure'],
  ])
})
