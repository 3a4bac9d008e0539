import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { ipv4Header } from '../support/proxy-headers.js'
import { codePacket, startupPacket } from '../support/raw-client.js'
import { ssl_request, startTls, type TlsClient } from '../support/tls-client.js'

/**
 * A certificate opens the door where the server asks for nothing, so what is taken for one is
 * tried in every version of TLS, and once more in sessions that the client would resume.
 */

const startup = startupPacket({ user: 'trusted', database: 'postgres' })
const ready = (text: string) => text.includes('Z\0\0\0\x05I')
const versions = ['TLSv1.2', 'TLSv1.3'] as const

/** Certificates that openssl would make only when it is asked to. */
function makeOddCertificates(ca: string): Readonly<Record<string, ConnectionOptions>> {
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-odd-'))
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' })
  const path = (name: string) => join(directory, name)
  const issue = (name: string, by: string, by_key: string, extensions: string) => {
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`]
    openssl('req', '-newkey', 'rsa:2048', '-nodes', ...request)
    writeFileSync(path('extensions'), extensions)
    const issuer = ['-CA', by, '-CAkey', by_key, '-CAcreateserial', '-extfile', 'extensions']
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, '-days', '1', ...issuer)
  }
  const shown = (name: string, ...chain: string[]) => ({
    cert: [name, ...chain].map((one) => contentOf(path(`${one}.pem`))).join(''),
    key: contentOf(path(`${name}.key`)),
  })
  const authority_key = join(dirname(ca), 'ca.key')
  issue('server-only', ca, authority_key, 'extendedKeyUsage=serverAuth\n')
  issue('leaf', ca, authority_key, 'basicConstraints=CA:FALSE\n')
  issue('by-leaf', 'leaf.pem', 'leaf.key', 'basicConstraints=CA:FALSE\n')
  issue('between', ca, authority_key, 'basicConstraints=critical,CA:TRUE,pathlen:0\n')
  issue('chained', 'between.pem', 'between.key', 'extendedKeyUsage=clientAuth\n')
  const certificates = {
    'for servers alone': shown('server-only'),
    'that a client has issued': shown('by-leaf', 'leaf'),
    'without the authority between': shown('chained'),
    'with the authority between': shown('chained', 'between'),
  }
  rmSync(directory, { recursive: true })
  return certificates
}

describe.skipIf(!opensslInstalled())('certificates of clients (skips without openssl)', () => {
  const files = makeCertificates()
  const strangers = makeCertificates()
  const pair = (cert: string, key: string) => ({ cert: contentOf(cert), key: contentOf(key) })
  const certificates: Readonly<Record<string, ConnectionOptions>> = {
    none: {},
    'of the authority': pair(files.client_cert, files.client_key),
    'of another authority': pair(strangers.client_cert, strangers.client_key),
    'that has expired': pair(files.expired_cert, files.client_key),
    ...makeOddCertificates(files.ca),
  }
  let postgres: ScratchPostgres
  let proxy: ProxyUnderTest

  beforeAll(async () => {
    postgres = await startPostgres({
      hba: ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
    })
    const tls = { mode: 'require', cert: files.cert, key: files.key, client_ca: files.ca }
    const { host, port, password } = postgres
    const setup = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
    await setup.connect()
    await setup.query('CREATE ROLE trusted LOGIN')
    await setup.end()
    // Behind a load balancer nobody is local: a certificate alone opens what is trusted.
    proxy = await startProxy(postgres, { listen: { tls, proxy_protocol: ['127.0.0.1'] } })
  })

  afterAll(async () => {
    await proxy.finish()
    await postgres.stop()
  })

  async function connected(options: ConnectionOptions): Promise<TlsClient> {
    const socket = connect({ host: '127.0.0.1', port: proxy.port })
    await once(socket, 'connect')
    socket.write(Buffer.concat([ipv4Header([127, 0, 0, 1], 4711), codePacket(ssl_request)]))
    const [answer]: Buffer[] = await once(socket, 'data')
    expect(String(answer)).toBe('S')
    return await startTls(socket, options)
  }

  /** What comes of a login of somebody whom the server asks for nothing. */
  async function loginOf({ raw }: TlsClient): Promise<string> {
    raw.send(startup)
    const text = await raw.until((said) => ready(said) || said.startsWith('E'))
    raw.end()
    if (ready(text)) return 'served'
    if (text.includes('the server asked no password')) return 'not trusted'
    return text.includes('client certificate refused') ? 'refused' : text
  }

  describe.each(versions)('in %s', (version) => {
    const only = { minVersion: version, maxVersion: version }
    it.each([
      ['none', 'not trusted'],
      ['of the authority', 'served'],
      ['with the authority between', 'served'],
      ['of another authority', 'refused'],
      ['that has expired', 'refused'],
      ['for servers alone', 'refused'],
      ['that a client has issued', 'refused'],
      ['without the authority between', 'refused'],
    ])('%s: %s', async (name, expected) => {
      const shown = certificates[name]
      if (shown === undefined) throw new Error(`no certificate ${name}`)
      const client = await connected({ ...shown, ...only })
      expect(client.secure.getProtocol()).toBe(version)
      expect(await loginOf(client)).toBe(expected)
    })

    it.each([
      ['none', 'not trusted'],
      ['of the authority', 'served'],
      ['of another authority', 'refused'],
    ])('a client that would resume its session is asked again (%s)', async (name, expected) => {
      const options = { ...certificates[name], ...only }
      const first = await connected(options)
      const tickets: Buffer[] = []
      first.secure.on('session', (ticket: Buffer) => tickets.push(ticket))
      const known = first.secure.getSession()
      expect(await loginOf(first)).toBe(expected)
      const ticket = tickets.at(-1) ?? known
      expect(ticket).toBeDefined()
      // Drivers of Java come back with the session that they had.
      const again = await connected({
        ...options,
        ...(ticket && { session: ticket }),
      })
      expect(again.secure.isSessionReused()).toBe(false)
      expect(await loginOf(again)).toBe(expected)
    })
  })
})
