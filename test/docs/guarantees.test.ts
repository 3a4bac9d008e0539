import { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { blocksOf } from './page-blocks.js'

let postgres: ScratchPostgres
let proxy: ProxyUnderTest

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['local all all trust', 'host all all 127.0.0.1/32 trust'],
  })
  proxy = await startProxy(postgres, { catalog: { user: 'postgres' } })
})

afterAll(async () => {
  await proxy.stop()
  await postgres.stop()
})

test('the query that tells connections past the port shows those and no others', async () => {
  const [query] = blocksOf('docs/guarantees.md').filter(({ language }) => language === 'sql')
  const through = await proxy.client({ application_name: 'through' })
  const past = new pg.Client({
    host: postgres.socket_directory,
    port: postgres.port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'past',
  })
  await past.connect()
  const { rows } = await through.query(query?.text ?? '')
  expect(rows.map(({ application_name }) => application_name)).toEqual(['past'])
  const { rows: own } = await through.query('SELECT pg_backend_pid() AS pid')
  await past.end()
  await through.end()
  const records = await proxy.finish()
  const authorized = records.filter(({ command }) => command === 'connection authorized')
  expect(authorized.map(({ session }) => session?.['pid'])).toEqual([own[0].pid])
})

const outside_address = Object.values(networkInterfaces())
  .flat()
  .find((entry) => entry?.family === 'IPv4' && !entry.internal)?.address

test.skipIf(!opensslInstalled() || process.platform !== 'linux')(
  'the server tells the address and the TLS of pgwitness (skips without openssl, or one loopback)',
  async () => {
    const { cert, key } = makeCertificates()
    const files = { 'server.crt': contentOf(cert), 'server.key': contentOf(key) }
    const secure = await startPostgres({ settings: { ssl: 'on' }, files })
    const before = await startProxy(secure, { upstream: { tls: { mode: 'require' } } })
    const stream = () => {
      const socket = new Socket()
      const connect = socket.connect.bind(socket)
      socket.connect = ((port: number, host: string) =>
        connect({ port, host, localAddress: '127.0.0.9' })) as typeof socket.connect
      return socket
    }
    const client = await before.client({ stream, application_name: 'elsewhere' })
    const { rows } = await client.query(`
      SELECT host(inet_client_addr()) AS address, host(client_addr) AS activity, ssl,
        inet_server_port() AS port, application_name
      FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE pid = pg_backend_pid()`)
    expect(rows).toEqual([
      {
        address: '127.0.0.1',
        activity: '127.0.0.1',
        ssl: true,
        port: secure.port,
        application_name: 'elsewhere',
      },
    ])
    const records = await before.finish()
    const [received] = records.filter(({ command }) => command === 'connection authorized')
    expect(received?.session).toMatchObject({ client_ip: '127.0.0.9' })
    expect(received?.session).not.toHaveProperty('tls')
    await secure.stop()
  },
)

test.skipIf(!opensslInstalled() || outside_address === undefined)(
  'a cert line lets in nobody who is not local (skips without openssl or another address)',
  async () => {
    const { ca, cert, key, client_cert, client_key } = makeCertificates()
    const secure = await startPostgres({
      settings: { ssl: 'on', ssl_ca_file: 'ca.crt' },
      files: {
        'server.crt': contentOf(cert),
        'server.key': contentOf(key),
        'ca.crt': contentOf(ca),
      },
      // The client's certificate is of the user postgres.
      hba: ['hostssl all all 127.0.0.1/32 cert'],
    })
    const tls = { mode: 'verify-full', ca, cert: client_cert, key: client_key }
    const before = await startProxy(secure, {
      listen: { host: '0.0.0.0' },
      upstream: { host: 'localhost', tls },
      catalog: undefined,
    })
    await expect(before.client({ host: outside_address ?? '' })).rejects.toMatchObject({
      code: '28000',
      message: expect.stringContaining('asked no password'),
    })
    const local = await before.client()
    expect((await local.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await before.finish()
    await secure.stop()
  },
)
