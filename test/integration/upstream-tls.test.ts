import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf } from '../support/proxy.js'

describe.skipIf(!opensslInstalled())('TLS with the server (skips without openssl)', () => {
  let postgres: ScratchPostgres
  let ca = ''

  beforeAll(async () => {
    const files = makeCertificates()
    ca = files.ca
    postgres = await startPostgres({
      settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      files: { 'server.crt': contentOf(files.cert), 'server.key': contentOf(files.key) },
      hba: ['hostssl all all 127.0.0.1/32 scram-sha-256', 'local all all scram-sha-256'],
    })
  })

  afterAll(async () => {
    await postgres.stop()
  })

  it.each([
    ['prefer', '127.0.0.1', false],
    ['require', '127.0.0.1', false],
    ['verify-ca', '127.0.0.1', true],
    ['verify-full', 'localhost', true],
  ])('by %s serves sessions, and the catalog by the same rules', async (mode, host, with_ca) => {
    const tls = with_ca ? { mode, ca } : { mode }
    const proxy = await startProxy(postgres, { upstream: { host, tls } })
    // The server takes nothing without TLS: a name that is certain came over a connection with it.
    await proxy.catalogKnown()
    const client = await proxy.client({ application_name: 'secured' })
    const shown = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    expect(shown.rows).toEqual([{ ssl: true }])
    const records = statementsOf(await proxy.finish())
    expect(records.at(-1)?.objects?.[0]).toMatchObject({ resolved: 'catalog' })
  })

  it('by verify-full refuses a certificate for another name', async () => {
    const proxy = await startProxy(postgres, { upstream: { tls: { mode: 'verify-full', ca } } })
    await expect(proxy.client()).rejects.toMatchObject({ code: '08001' })
    await proxy.stop()
  })
})
