import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf, type TrailRecord } from '../support/proxy.js'
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
    settings: {
      logging_collector: 'on',
      log_destination: 'csvlog',
      log_filename: 'server.log',
      log_rotation_age: '0',
      log_rotation_size: '0',
      log_statement: 'all',
      log_min_duration_statement: '0',
      log_min_error_statement: 'error',
    },
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
  const file = join(postgres.data_directory, 'log', 'server.csv')
  for (;;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    if (text.includes(mark)) return text.slice(0, text.lastIndexOf('\n', text.indexOf(mark)))
    await delay(20)
  }
}

/** Records of statements, by the number of their server process. */
function bySession(records: readonly TrailRecord[]): ReadonlyMap<number, readonly TrailRecord[]> {
  const sessions = new Map<number, TrailRecord[]>()
  for (const record of statementsOf(records)) {
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
}, 120_000)

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
}, 120_000)
