import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, statementsOf } from '../support/proxy.js'
import { codePacket, message, RawClient, startupPacket } from '../support/raw-client.js'
import { serverMajor } from '../support/server-binaries.js'
import { gssenc_request, ssl_request } from '../support/tls-client.js'

const debian_binaries = '/usr/lib/postgresql/15/bin'
const ready = 'Z\0\0\0\x05I'
const version_3_0 = 0x0003_0000

/** The body of the first message of a type, as latin1; undefined when there was none. */
function bodyOf(received: Buffer, letter: string): string | undefined {
  for (let at = 0; at + 5 <= received.length; at += 1 + received.readInt32BE(at + 1)) {
    if (received.toString('latin1', at, at + 1) !== letter) continue
    return received.toString('latin1', at + 5, at + 1 + received.readInt32BE(at + 1))
  }
  return undefined
}

/** The letters of whole messages, in order. */
function lettersOf(received: Buffer): string {
  let letters = ''
  for (let at = 0; at + 5 <= received.length; at += 1 + received.readInt32BE(at + 1)) {
    letters += received.toString('latin1', at, at + 1)
  }
  return letters
}

describe.each([
  { version: serverMajor(), binaries: undefined, installed: true },
  { version: 15, binaries: debian_binaries, installed: existsSync(debian_binaries) },
])('with PostgreSQL $version (15 skips where Debian has not installed it)', (server) => {
  let postgres: ScratchPostgres
  let proxy: ProxyUnderTest

  beforeAll(async () => {
    if (!server.installed) return
    const hba = ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256']
    const { binaries } = server
    postgres = await startPostgres({ hba, ...(binaries === undefined ? {} : { binaries }) })
    proxy = await startProxy(postgres)
    const admin = await proxy.client()
    await admin.query('CREATE ROLE trusted LOGIN')
    await admin.end()
  })

  afterAll(async () => {
    await proxy?.finish()
    await postgres?.stop()
  })

  const login = { user: 'trusted', database: 'postgres' }

  /** What a login of this version is answered, up to its end or the first ReadyForQuery. */
  async function answerTo(port: number, packet: Buffer): Promise<RawClient> {
    const raw = await RawClient.connect(port)
    raw.send(packet)
    await raw.until((text) => text.includes(ready))
    return raw
  }

  it.skipIf(!server.installed).each([
    ['3.0', version_3_0, {}],
    ['3.1', 0x0003_0001, {}],
    ['3.2', 0x0003_0002, {}],
    ['3.9999', 0x0003_270f, {}],
    ['3.0 with an option of the protocol', version_3_0, { '_pq_.command_tag_format': 'fqn' }],
    ['3.9999 with options', 0x0003_270f, { '_pq_.test_protocol_negotiation': '' }],
  ])('is spoken in version %s as without us', async (_name, version, options) => {
    const packet = startupPacket({ ...login, ...options }, version)
    const [near, far] = await Promise.all([
      answerTo(proxy.port, packet),
      answerTo(postgres.port, packet),
    ])
    expect(lettersOf(near.received)).toBe(lettersOf(far.received))
    expect(bodyOf(near.received, 'v')).toBe(bodyOf(far.received, 'v'))
    // Keys of the same length: the proxy's own length is nowhere in it.
    expect(bodyOf(near.received, 'K')?.length).toBe(bodyOf(far.received, 'K')?.length)
    far.end()
    const marker = `version ${version} of ${Object.keys(options).length}`
    near.send(message('Q', `SELECT '${marker}'\0`))
    await near.until((text) => text.includes('SELECT 1\0'))
    near.end()
    const isIt = (text: string | undefined) => text?.includes(marker) === true
    const records = await proxy.recordsUntil((all) =>
      statementsOf(all).some((record) => isIt(record.statement?.text)),
    )
    const asked = records.find((record) => isIt(record.statement?.text))
    expect(records).toContainEqual(
      expect.objectContaining({
        command: 'connection authorized',
        session: expect.objectContaining({ id: asked?.session?.['id'], user: 'trusted' }),
      }),
    )
  })

  it.skipIf(!server.installed)('negotiates versions of the future, and says so', async () => {
    const raw = await answerTo(proxy.port, startupPacket(login, 0x0003_270f))
    const newest = server.version >= 18 ? 2 : 0
    const minor = bodyOf(raw.received, 'v')?.slice(0, 4)
    // 15 answers the minor alone, 18 the whole version.
    expect(minor?.charCodeAt(3)).toBe(newest)
    raw.end()
  })

  it.skipIf(!server.installed).each([
    ['1.0', 0x0001_0000],
    ['2.0', 0x0002_0000],
    ['4.0', 0x0004_0000],
    ['3000.7', (3000 << 16) | 7],
  ])('refuses version %s as the server words it', async (_name, version) => {
    const packet = startupPacket(login, version)
    const [near, far] = await Promise.all([
      answerTo(proxy.port, packet),
      answerTo(postgres.port, packet),
    ])
    const [ours, theirs] = [await near.closed(), await far.closed()]
    const words = /unsupported frontend protocol \d+\.\d+: server supports 3\.0 to 3\./
    expect(words.exec(theirs)?.[0]).toBe(words.exec(ours)?.[0])
    expect(words.test(ours)).toBe(true)
    // Framed or not, as the client's version asks for.
    expect(ours.slice(0, 2)).toBe(theirs.slice(0, 2))
    expect(ours.includes('C0A000')).toBe(theirs.includes('C0A000'))
  })

  it.skipIf(!server.installed)(
    'caps requests for encryption in any order, and records it',
    async () => {
      for (const codes of [
        [gssenc_request, ssl_request],
        [ssl_request, gssenc_request],
        [ssl_request, ssl_request, gssenc_request],
      ]) {
        const raw = await RawClient.connect(proxy.port)
        for (const [round, code] of codes.entries()) {
          raw.send(codePacket(code))
          await raw.until((text) => text === 'N'.repeat(round + 1))
        }
        raw.send(startupPacket(login))
        expect(await raw.until((text) => text.includes(ready))).toContain(ready)
        raw.end()
      }
      const stubborn = await RawClient.connect(proxy.port)
      const port = stubborn.socket.localPort
      for (let round = 1; !stubborn.text.includes('E'); round++) {
        stubborn.send(codePacket(round % 2 === 0 ? ssl_request : gssenc_request))
        await stubborn.until((text) => text.length >= round)
      }
      expect(await stubborn.closed()).toContain('too many requests for encryption')
      const records = await proxy.recordsUntil((all) =>
        all.some((record) => record.message === 'too many requests for encryption'),
      )
      expect(records).toContainEqual(
        expect.objectContaining({
          command: 'connection refused',
          sqlstate: '08P01',
          session: expect.objectContaining({ client_port: port }),
        }),
      )
    },
  )
})
