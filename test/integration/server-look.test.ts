import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.js'
import { inBackground, lookAtServer } from '../../src/proxy/server-look.js'
import { loadTlsMaterial } from '../../src/proxy/tls-material.js'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { fakeServer } from '../support/fake-server.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'

/** Looks as the start does, with these settings of `upstream`. */
async function look(
  upstream: Readonly<Record<string, unknown>>,
  opened: (socket: Socket) => void = () => {},
): Promise<void> {
  const config = loadConfig({ settings: { upstream } })
  const material = loadTlsMaterial(config.listen, config.upstream.tls)
  await lookAtServer(config.upstream, material.upstream, opened)
}

let plain: ScratchPostgres
let secure: ScratchPostgres | undefined
let ca = ''

beforeAll(async () => {
  plain = await startPostgres()
  if (!opensslInstalled()) return
  const made = makeCertificates()
  ca = made.ca
  const files = { 'server.crt': contentOf(made.cert), 'server.key': contentOf(made.key) }
  secure = await startPostgres({ settings: { ssl: 'on' }, files })
})

afterAll(async () => {
  await plain.stop()
  await secure?.stop()
})

describe('a look at the server', () => {
  test.each(['disable', 'allow', 'prefer'])('without TLS is content by %s', async (mode) => {
    const said = plain.log()
    await look({ host: plain.host, port: plain.port, tls: { mode } })
    await look({ host: plain.socket_directory, port: plain.port, tls: { mode } })
    // Who asks for TLS and hangs up is not worth a line to PostgreSQL.
    expect(plain.log()).toBe(said)
  })

  test.skipIf(!opensslInstalled()).each(['disable', 'allow', 'prefer', 'require', 'verify-full'])(
    'with TLS is content by %s (skips without openssl)',
    async (mode) => {
      const tls = mode === 'verify-full' ? { mode, ca } : { mode }
      await look({ host: 'localhost', port: secure?.port, tls })
    },
  )

  test.each(['disable', 'allow', 'prefer'])('tells of something else by %s', async (mode) => {
    const mail = await fakeServer((socket) => socket.write('220 mail.example.net ESMTP\r\n'))
    const seen = look({ host: '127.0.0.1', port: mail.port, tls: { mode } })
    await expect(seen).rejects.toMatchObject({
      code: 'upstream.not_postgresql',
      message: expect.stringContaining('"220 mail.example.net ESMTP…"'),
    })
    mail.close()
  })

  test('ends when it is not wanted any more, and reports nothing then', async () => {
    const silent = await fakeServer(() => {})
    const told: unknown[] = []
    let connected = () => {}
    const connection = new Promise<void>((resolve) => {
      connected = resolve
    })
    const end = inBackground(
      (opened) =>
        look({ host: '127.0.0.1', port: silent.port, tls: { mode: 'disable' } }, (socket) => {
          opened(socket)
          socket.once('connect', connected)
        }),
      (problem) => told.push(problem),
      (error) => told.push(error),
    )
    await connection
    await end()
    expect(told).toEqual([])
    silent.close()
  })
})
