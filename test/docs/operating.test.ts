import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.js'
import { contentOf, makeCertificates, opensslInstalled } from '../support/certificates.js'
import { versionOf } from '../support/client-tools.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy } from '../support/proxy.js'
import { blocksOf } from './page-blocks.js'

const page = 'docs/operating.md'
const root = new URL('../../', import.meta.url)
const blocks = blocksOf(page)
const textsOf = (heading: string, language: string): readonly string[] =>
  blocks
    .filter((block) => block.heading === heading && block.language === language)
    .map(({ text }) => text)

const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-operating-'))

afterAll(() => rmSync(scratch, { recursive: true }))

/** A connection that comes from another address of loopback than the proxy does. */
function elsewhere(postgres: ScratchPostgres, address: string): pg.Client {
  const { host, port, superuser: user, password } = postgres
  const stream = () => {
    const socket = new Socket()
    const connect = socket.connect.bind(socket)
    socket.connect = ((to_port: number, to_host: string) =>
      connect({ port: to_port, host: to_host, localAddress: address })) as typeof socket.connect
    return socket
  }
  return new pg.Client({ host, port, user, password, database: 'postgres', stream })
}

/** All of 127/8 is this machine's on Linux; other systems have but one address of loopback. */
const one_loopback = process.platform !== 'linux'

describe('the lines of pg_hba.conf', () => {
  const [by_address = '', by_certificate = ''] = textsOf('Closing the ways around', 'conf')
  const lines = (text: string) => text.trimEnd().replaceAll('10.0.0.5', '127.0.0.1').split('\n')

  test.skipIf(one_loopback)('let in pgwitness and nobody else', async () => {
    const postgres = await startPostgres({ hba: lines(by_address) })
    const proxy = await startProxy(postgres)
    const through = await proxy.client()
    expect((await through.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    const past = elsewhere(postgres, '127.0.0.2')
    await expect(past.connect()).rejects.toMatchObject({ code: '28000' })
    await proxy.finish()
    await postgres.stop()
  })

  test.skipIf(!opensslInstalled())(
    'let in whoever has the certificate (skips without openssl)',
    async () => {
      const { ca, cert, key, client_cert, client_key } = makeCertificates()
      const postgres = await startPostgres({
        hba: lines(by_certificate),
        settings: { ssl: 'on', ssl_ca_file: 'ca.crt' },
        files: {
          'server.crt': contentOf(cert),
          'server.key': contentOf(key),
          'ca.crt': contentOf(ca),
        },
      })
      const [yaml = ''] = textsOf('Closing the ways around', 'yaml')
      const { upstream } = parse(yaml)
      expect(upstream.tls.mode).toBe('verify-full')
      const tls = { ...upstream.tls, ca, cert: client_cert, key: client_key }
      const proxy = await startProxy(postgres, { upstream: { host: 'localhost', tls } })
      const through = await proxy.client()
      expect((await through.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      const { host, port, superuser: user, password } = postgres
      const options = { host, port, user, password, database: 'postgres' }
      const past = new pg.Client({ ...options, ssl: { rejectUnauthorized: false } })
      await expect(past.connect()).rejects.toThrow(/certificate/)
      await proxy.finish()
      await postgres.stop()
    },
  )
})

test.skipIf(versionOf('jq') === undefined || versionOf('psql') === undefined)(
  'the comparison of process numbers shows who is past the port (skips without jq and psql)',
  async () => {
    const postgres = await startPostgres()
    const proxy = await startProxy(postgres, { catalog: undefined })
    const through = await proxy.client()
    await through.query('SELECT 1')
    await proxy.recordsUntil((all) => all.some(({ class: name }) => name === 'READ'))
    const { host, port, superuser: user, password } = postgres
    const past = new pg.Client({ host, port, user, password, database: 'postgres' })
    await past.connect()
    const { rows } = await past.query('SELECT pg_backend_pid() AS pid')
    const [script = ''] = textsOf('Closing the ways around', 'sh')
    const env = { PGHOST: host, PGPORT: `${port}`, PGUSER: user, PGPASSWORD: password }
    const printed = execFileSync('/bin/bash', ['-euo', 'pipefail', '-c', inScratch(script)], {
      cwd: proxy.directory,
      env: { ...process.env, ...env, PGDATABASE: 'postgres' },
      encoding: 'utf8',
    })
    expect(printed).toBe(`${rows[0].pid}\n`)
    await past.end()
    await proxy.finish()
    await postgres.stop()
  },
)

function inScratch(script: string): string {
  return script.replaceAll('/tmp/', `${scratch}/`)
}

describe('the configurations', () => {
  test.skipIf(!opensslInstalled())('are taken (skips without openssl)', () => {
    const { ca, cert, key } = makeCertificates()
    const place = join(scratch, 'anchor')
    mkdirSync(place)
    const seal = join(scratch, 'seal')
    execFileSync(process.execPath, [
      fileURLToPath(new URL('dist/main.js', root)),
      'keygen',
      '--out',
      seal,
    ])
    const files: Readonly<Record<string, string>> = {
      '/etc/pgwitness/seal.key': `${seal}.key`,
      '/mnt/anchor/seals': join(place, 'seals'),
      'pgwitness.crt': cert,
      'pgwitness.key': key,
      'server.crt': cert,
      'server.key': key,
      'ca.crt': ca,
    }
    const yamls = blocks.filter(({ language }) => language === 'yaml')
    expect(yamls).toHaveLength(3)
    for (const [index, { text }] of yamls.entries()) {
      const file = join(scratch, `${index}.yaml`)
      const named = /[\w./-]+\.(?:crt|key)|\/mnt\/anchor\/seals/g
      writeFileSync(
        file,
        text.replaceAll(named, (name) => files[name] ?? name),
      )
      expect(() => loadConfig({ file, env: {} }), text).not.toThrow()
    }
  })
})

describe('keys', () => {
  let postgres: ScratchPostgres

  beforeAll(async () => {
    postgres = await startPostgres()
  })

  afterAll(() => postgres.stop())

  test.each([
    [page, 'Keys'],
    ['docs/reading.md', 'Was the trail altered?'],
  ])('are made and verify a trail as %s says', async (of, heading) => {
    const [block] = blocksOf(of).filter((one) => one.heading === heading && one.language === 'sh')
    const home = mkdtempSync(join(scratch, 'keys-'))
    const command = fileURLToPath(new URL('dist/main.js', root))
    const shim = join(home, 'pgwitness')
    writeFileSync(shim, `#!/bin/sh\nexec ${process.execPath} ${command} "$@"\n`, { mode: 0o755 })
    const env = { ...process.env, PATH: `${home}:${process.env['PATH']}` }
    const [make = '', verify = ''] = block?.text.trimEnd().split('\n') ?? []
    const run = (line: string) =>
      spawnSync('/bin/sh', ['-c', line], { cwd: home, env, encoding: 'utf8' })
    expect(run(make)).toMatchObject({ status: 0 })
    const proxy = await startProxy(postgres, {
      audit: { seal: { key: join(home, 'seal.key'), copy: join(home, 'seals') } },
    })
    await (await proxy.client()).query('SELECT 1')
    await proxy.stop()
    writeFileSync(join(home, 'server.log'), '')
    const here = verify
      .replace('/var/lib/pgwitness/audit', proxy.directory)
      .replace('/mnt/anchor/seals', join(home, 'seals'))
    expect(here).toContain(proxy.directory)
    expect(run(here)).toMatchObject({ status: 0 })
    await proxy.finish()
  })
})

describe('the failure drills', () => {
  const rows = [
    ...readFileSync(new URL(page, root), 'utf8').matchAll(/\| `(test\/[^`]+)`: ([^|]+) \|$/gm),
  ]

  test('are each done by a test that exists', () => {
    expect(rows.length).toBeGreaterThan(10)
    for (const [, path = '', title = ''] of rows) {
      expect(existsSync(new URL(path, root)), path).toBe(true)
      const lines = readFileSync(new URL(path, root), 'utf8').split('\n')
      const titles = lines.filter((line) => /^ *(?:(?:it|test|describe)\b.*?\()? *['"`]/.test(line))
      expect(
        titles.filter((line) => line.includes(title)),
        title,
      ).not.toEqual([])
    }
  })
})
