import { message, query } from '../support/messages.js'
import { codePacket, startupPacket } from '../support/raw-client.js'
import { md5Password, ScramClient } from '../support/scram.js'
import { serverHasGss } from '../support/server-binaries.js'
import type { Talk } from './talk.js'

/** Something that a client may do from its first byte to its last. */
export interface Conversation {
  readonly name: string
  run(talk: Talk): Promise<void>
}

const ssl_request = 80877103
const gssenc_request = 80877104
const database = 'talk'
export const password = 'a "quoted" pässword'

async function scram(talk: Talk, given: string, parameters: Record<string, string> = {}) {
  const client = new ScramClient(given, 'fyko+d2lbbFgONRv9qkxdawL')
  talk.send(startupPacket({ user: 'scrambled', database, ...parameters }))
  await talk.until(/R/)
  talk.send(message('p', client.initial()))
  await talk.until(/RR|E/)
  const server_first = talk.answers.at(-1)?.body.subarray(4).toString('latin1') ?? ''
  talk.send(message('p', client.final(server_first)))
  await talk.until(/Z|E/)
}

/** The user is admitted by a password of one message, or refused. */
async function byPassword(talk: Talk, user: string, answer: (request: Buffer) => string) {
  talk.send(startupPacket({ user, database }))
  await talk.until(/R/)
  const request = talk.answers.at(-1)?.body ?? Buffer.alloc(0)
  talk.send(message('p', answer(request), '\0'))
  await talk.until(/Z|E/)
}

async function finishIfOpen(talk: Talk): Promise<void> {
  if (talk.letters.includes('Z')) await talk.finish()
  else await talk.closed()
}

function refused(parameters: Readonly<Record<string, string>>, version?: number) {
  return async (talk: Talk) => {
    talk.send(startupPacket(parameters, version))
    await talk.until(/Z|E/)
    await finishIfOpen(talk)
  }
}

const user = 'trusted'

/** Not with a server that has GSS encryption: it answers G, and expects a Kerberos token then. */
const gss_then_tls: Conversation = {
  name: 'a request for GSS encryption, then for TLS',
  async run(talk) {
    await talk.ask(codePacket(gssenc_request))
    await talk.ask(codePacket(ssl_request))
    await talk.login()
    await talk.finish()
  },
}

export const login_conversations: readonly Conversation[] = [
  {
    name: 'scram-sha-256',
    async run(talk) {
      await scram(talk, password)
      await talk.finish()
    },
  },
  {
    name: 'scram-sha-256 with a wrong password',
    async run(talk) {
      await scram(talk, 'wrong')
      await talk.closed()
    },
  },
  {
    name: 'scram-sha-256 and then no such database',
    async run(talk) {
      await scram(talk, password, { database: 'nowhere' })
      await talk.closed()
    },
  },
  {
    name: 'scram-sha-256 with a mechanism that was not offered',
    async run(talk) {
      talk.send(startupPacket({ user: 'scrambled', database }))
      await talk.until(/R/)
      talk.send(message('p', new ScramClient(password, 'nonce').initial('SCRAM-SHA-1')))
      await talk.closed()
    },
  },
  {
    name: 'scram-sha-256 with a broken first message',
    async run(talk) {
      talk.send(startupPacket({ user: 'scrambled', database }))
      await talk.until(/R/)
      talk.send(message('p', 'SCRAM-SHA-256\0', Buffer.from([0, 0, 0, 3]), 'n,x'))
      await talk.closed()
    },
  },
  {
    name: 'md5',
    async run(talk) {
      await byPassword(talk, 'hashed', (request) =>
        md5Password('hashed', password, request.subarray(4)),
      )
      await finishIfOpen(talk)
    },
  },
  {
    name: 'md5 with a wrong password',
    async run(talk) {
      await byPassword(talk, 'hashed', () => `md5${'0'.repeat(32)}`)
      await finishIfOpen(talk)
    },
  },
  {
    name: 'password',
    async run(talk) {
      await byPassword(talk, 'plain', () => password)
      await finishIfOpen(talk)
    },
  },
  {
    name: 'an empty password',
    async run(talk) {
      await byPassword(talk, 'plain', () => '')
      await finishIfOpen(talk)
    },
  },
  {
    name: 'trust, with everything in one packet',
    async run(talk) {
      talk.send(startupPacket({ user, database }), query('SELECT 1'), message('X'))
      await talk.closed()
    },
  },
  {
    name: 'parameters of the startup packet',
    async run(talk) {
      await talk.login({
        application_name: 'différent',
        client_encoding: 'LATIN1',
        options: '-c search_path=pg_catalog -c work_mem=1MB --DateStyle=German',
        extra_float_digits: '2',
      })
      await talk.exchange([query("SHOW search_path; SHOW DateStyle; SELECT '\u00e9' AS e")])
      await talk.finish()
    },
  },
  { name: 'no such database', run: refused({ user, database: 'nowhere' }) },
  { name: 'no such user', run: refused({ user: 'stranger', database }) },
  { name: 'no line of pg_hba.conf', run: refused({ user: 'rejected', database }) },
  { name: 'no user', run: refused({ database }) },
  { name: 'the database is the user', run: refused({ user }) },
  { name: 'a broken option', run: refused({ user, database, options: '-c nonsense=1' }) },
  { name: 'an unknown parameter', run: refused({ user, database, nonsense: '1' }) },
  { name: 'a parameter out of range', run: refused({ user, database, work_mem: 'much' }) },
  { name: 'a role that may not log in', run: refused({ user: 'nologin', database }) },
  {
    name: 'protocol 3.2',
    async run(talk) {
      await talk.login({}, 3 * 65_536 + 2)
      await talk.exchange([query('SELECT 1')])
      await talk.finish()
    },
  },
  {
    name: 'protocol 3.9999 and options that nobody knows',
    async run(talk) {
      await talk.login({ '_pq_.unheard': '1' }, 3 * 65_536 + 9999)
      await talk.finish()
    },
  },
  {
    name: 'requests for encryption where there is none',
    async run(talk) {
      await talk.ask(codePacket(ssl_request))
      await talk.login()
      await talk.finish()
    },
  },
  ...(serverHasGss() ? [] : [gss_then_tls]),
  {
    name: 'a physical replication connection',
    async run(talk) {
      await talk.login({ user: 'replicator', replication: 'true' })
      await talk.exchange([query('SHOW server_version_num')])
      await talk.exchange([query('SELECT 1')])
      await talk.exchange([query('TIMELINE_HISTORY 1')])
      await talk.finish()
    },
  },
  {
    name: 'a logical replication connection',
    async run(talk) {
      await talk.login({ user: 'replicator', replication: 'database' })
      await talk.exchange([query('SELECT 1; SELECT 2')])
      await talk.exchange([query('CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL nonsense')])
      await talk.exchange([query('START_REPLICATION SLOT none LOGICAL 0/0')])
      await talk.finish()
    },
  },
  {
    name: 'a cancel request for nobody',
    async run(talk) {
      const packet = Buffer.alloc(16)
      for (const [index, value] of [16, 80877102, 1, 2].entries()) {
        packet.writeInt32BE(value, index * 4)
      }
      talk.send(packet)
      await talk.closed()
    },
  },
  {
    name: 'the client ends its side at once',
    async run(talk) {
      talk.raw.socket.end()
      await talk.closed()
    },
  },
  {
    name: 'the client ends its side behind the startup packet',
    async run(talk) {
      talk.send(startupPacket({ user, database }))
      talk.raw.socket.end()
      await talk.closed()
    },
  },
  {
    name: 'the client ends its side instead of a password',
    async run(talk) {
      talk.send(startupPacket({ user: 'plain', database }))
      await talk.until(/R/)
      talk.raw.socket.end()
      await talk.closed()
    },
  },
]
