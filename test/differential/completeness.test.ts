import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import Cursor from 'pg-cursor'
import createSql from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, type TrailRecord } from '../support/proxy.js'
import { logBefore, statement_log } from '../support/server-log.js'
import { matchTrail } from './match-trail.js'
import { randomConversation } from './random-conversation.js'
import { administer, makeModel, renewDatabase } from './scratch-talk.js'
import { serverEvents } from './server-events.js'
import { statement_conversations } from './statement-conversations.js'
import { Talk } from './talk.js'

/**
 * Each statement that the server's own log tells of (`log_statement = all`) is in the trail exactly
 * once, with the same SQLSTATE, in the same order.
 */

const end_of_log = 'SELECT 1 AS end_of_log'
let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    settings: statement_log,
    hba: ['host all all 127.0.0.1/32 trust'],
  })
  await makeModel(postgres)
})

afterAll(async () => {
  await postgres.stop()
})

/** The server's log up to a statement that is logged behind all that the sessions did. */
async function logOfServer(): Promise<string> {
  const mark = `${end_of_log}_${Date.now()}`
  await administer(
    postgres,
    'postgres',
    `DO $$BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'trusted') LOOP
      PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END$$`,
    mark,
  )
  return await logBefore(postgres, mark)
}

/** Records of statements, and of sessions that the server ended, by the number of their process. */
function bySession(records: readonly TrailRecord[]): ReadonlyMap<number, readonly TrailRecord[]> {
  const sessions = new Map<number, TrailRecord[]>()
  for (const record of records) {
    const was_ended = record.command === 'disconnection' && record.outcome === 'failure'
    if (record.statement === undefined && !was_ended) continue
    const pid = Number(record.session?.['pid'])
    sessions.set(pid, [...(sessions.get(pid) ?? []), record])
  }
  return sessions
}

/** Has `sessions` run through a proxy and lays their records beside the server's log. */
async function compare(sessions: (port: number) => Promise<void>): Promise<number> {
  await renewDatabase(postgres)
  const before = (await logOfServer()).length
  const proxy = await startProxy(postgres, { audit: { statement_max: '1MiB' } })
  let records: readonly TrailRecord[] = []
  try {
    await sessions(proxy.port)
  } finally {
    records = await proxy.finish()
  }
  const events = serverEvents((await logOfServer()).slice(before), 'trusted')
  const of_pid = bySession(records)
  let compared = 0
  for (const [pid, mine] of events) {
    const { server, trail } = matchTrail(mine, of_pid.get(pid) ?? [])
    expect.soft(trail).toEqual(server)
    compared += server.length
  }
  return compared
}

it('scripted conversations', async () => {
  const compared = await compare(async (port) => {
    for (const conversation of statement_conversations) {
      const talk = await Talk.open(port)
      await conversation.run(talk)
      talk.raw.end()
    }
  })
  expect(compared).toBeGreaterThan(statement_conversations.length)
}, 300_000)

it('random pipelines', async () => {
  const compared = await compare(async (port) => {
    for (let seed = 9_000; seed < 9_060; seed++) {
      const talk = await Talk.open(port)
      await talk.login({ application_name: `seed ${seed}` })
      talk.send(...randomConversation(seed))
      await talk.finish()
    }
  })
  expect(compared).toBeGreaterThan(300)
}, 300_000)

it('drivers of Node, a cancel and a timeout', async () => {
  const compared = await compare(async (port) => {
    const options = { host: '127.0.0.1', port, user: 'trusted', database: 'talk' }
    const client = new pg.Client(options)
    await client.connect()
    const attempt = (text: string, values?: unknown[]) =>
      client.query(text, values).catch(() => undefined)
    await attempt('SELECT 1; INSERT INTO item VALUES (2); SELECT 3/0; SELECT 4')
    for (const value of ['1', 'x', null]) await attempt('SELECT $1::int', [value])
    for (let n = 0; n < 3; n++) {
      await client.query({ name: 'named', text: 'INSERT INTO item VALUES ($1)', values: [n] })
    }
    const cursor = client.query(new Cursor('SELECT generate_series(1, 100) AS n'))
    await cursor.read(40)
    await cursor.read(40)
    await cursor.close()
    await client.query('SET statement_timeout = 20')
    await attempt('SELECT pg_sleep(60)')
    await attempt('SELECT pg_sleep($1)', [60])
    await client.query('RESET statement_timeout')
    await client.end()
    const sql = createSql({ ...options, max: 1, onnotice: () => {} })
    await Promise.all([sql`SELECT 1`, sql`SELECT ${'two'}::text`, sql`SELECT 3`.simple()])
    await sql.begin(async (tx) => [await tx`INSERT INTO item VALUES (9)`, await tx`SELECT 9`])
    await sql`SELECT 1/0`.catch(() => undefined)
    const sleeping = sql`SELECT pg_sleep(60)`
    const cancelled = sleeping.catch(() => undefined)
    await running('SELECT pg_sleep(60)')
    sleeping.cancel()
    await cancelled
    await sql.end()
  })
  expect(compared).toBeGreaterThan(20)
}, 300_000)

/** Waits until the server runs this text for the user of these tests. */
async function running(text: string): Promise<void> {
  await administer(
    postgres,
    'postgres',
    `DO $$BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'trusted'
      AND state = 'active' AND query = '${text}') LOOP
      PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END$$`,
  )
}

const pgbench_script = `\\set n random(1, 100)
BEGIN;
INSERT INTO item VALUES (:n);
SELECT count(*) FROM item WHERE n = :n;
END;
`

it.skipIf(!isInstalled('pgbench')).each(['simple', 'extended', 'prepared', 'pipelined'] as const)(
  'pgbench, %s (skips without pgbench)',
  async (mode) => {
    const directory = mkdtempSync(join(tmpdir(), 'pgwitness-pgbench-'))
    const file = join(directory, 'script.sql')
    const is_pipelined = mode === 'pipelined'
    const body = pgbench_script.split('\n').slice(1).join('\n')
    writeFileSync(
      file,
      is_pipelined
        ? `\\set n random(1, 100)\n\\startpipeline\n${body}\\endpipeline\n`
        : pgbench_script,
    )
    const compared = await compare(async (port) => {
      const protocol = is_pipelined ? 'extended' : mode
      await promisify(execFile)('pgbench', [
        ...['-h', '127.0.0.1', '-p', `${port}`, '-U', 'trusted', '-n', '-f', file],
        ...['-c', '4', '-t', '20', '-M', protocol, 'talk'],
      ])
    })
    rmSync(directory, { recursive: true })
    expect(compared).toBeGreaterThanOrEqual(4 * 20 * 4)
  },
)

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined
}
