import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { comparable } from './comparable.js'
import { withoutDifference } from './differences.js'
import { expectSame } from './expect-same.js'
import { type Conversation, login_conversations, password } from './login-conversations.js'
import { malformed_conversations } from './malformed-conversations.js'
import { administer, makeModel, renewDatabase } from './scratch-talk.js'
import { statement_conversations } from './statement-conversations.js'
import { Talk } from './talk.js'

/**
 * The same conversations straight to the server and through the proxy, each time in a new copy of
 * the same database: every byte that comes back is the same.
 */
const conversations = [
  ...login_conversations,
  ...statement_conversations,
  ...malformed_conversations,
]

let postgres: ScratchPostgres
let proxy: ProxyUnderTest
let straight: Map<Conversation, readonly string[]>

beforeAll(async () => {
  postgres = await startPostgres({
    settings: { wal_level: 'logical', max_prepared_transactions: '2' },
    hba: [
      'host all postgres,trusted 127.0.0.1/32 trust',
      'host all,replication replicator 127.0.0.1/32 trust',
      'host all nologin,stranger 127.0.0.1/32 trust',
      'host all plain 127.0.0.1/32 password',
      'host all hashed 127.0.0.1/32 md5',
      'host all scrambled 127.0.0.1/32 scram-sha-256',
    ],
  })
  await makeModel(postgres)
  await administer(
    postgres,
    'postgres',
    'CREATE ROLE replicator SUPERUSER LOGIN REPLICATION',
    'CREATE ROLE nologin',
    `CREATE ROLE plain LOGIN PASSWORD '${password}'`,
    `CREATE ROLE scrambled LOGIN PASSWORD '${password}'`,
    "SET password_encryption = 'md5'",
    `CREATE ROLE hashed LOGIN PASSWORD '${password}'`,
  )
  await renewDatabase(postgres)
  straight = new Map()
  for (const conversation of conversations) {
    straight.set(conversation, await hold(conversation, postgres.port))
  }
  await renewDatabase(postgres)
  proxy = await startProxy(postgres)
}, 300_000)

afterAll(async () => {
  await proxy.stop()
  await postgres.stop()
})

async function hold(conversation: Conversation, port: number): Promise<readonly string[]> {
  const talk = await Talk.open(port)
  try {
    await conversation.run(talk)
    return comparable(talk)
  } catch (error) {
    throw new Error(`${conversation.name}: ${error instanceof Error ? error.message : error}`)
  } finally {
    talk.raw.end()
  }
}

describe('through the proxy come the same bytes', () => {
  const same = [...login_conversations, ...statement_conversations]
  it.each(same.map((conversation) => [conversation.name, conversation] as const))(
    '%s',
    async (_name, conversation) => {
      expectSame(
        await hold(conversation, proxy.port),
        straight.get(conversation),
        conversation.name,
      )
    },
  )
})

describe('of what is malformed differ', () => {
  it.each(malformed_conversations.map((conversation) => ({ ...conversation, conversation })))(
    '$difference: $name',
    async ({ difference, conversation }) => {
      const through = await hold(conversation, proxy.port)
      const expected = straight.get(conversation) ?? []
      if (difference === 'none') {
        expect(through).toEqual(expected)
      } else {
        const compared = withoutDifference(difference, expected, through)
        expect(compared.through).toEqual(compared.straight)
      }
    },
  )
})
