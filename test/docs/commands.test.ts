import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { versionOf } from '../support/client-tools.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { blocksOf } from './page-blocks.js'
import { type SampleTrail, writeSampleTrail } from './sample-trail.js'

/** Commands of the README and of the pages, run as they stand but for names of hosts and files. */

const root = fileURLToPath(new URL('../../', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'pgwitness-commands-'))
let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres()
  // A checkout, as far as the commands look at it.
  symlinkSync(join(root, 'dist'), join(home, 'dist'))
  const shim = `#!/bin/sh\nexec ${process.execPath} ${join(root, 'dist/main.js')} "$@"\n`
  mkdirSync(join(home, 'bin'))
  writeFileSync(join(home, 'bin/pgwitness'), shim)
  chmodSync(join(home, 'bin/pgwitness'), 0o755)
})

afterAll(async () => {
  await postgres.stop()
  rmSync(home, { recursive: true })
})

const running: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const stop of running.splice(0)) await stop()
})

/** The lines of the one block of shell below a heading, without their comments. */
function commandsOf(page: string, heading: string): readonly string[] {
  const found = blocksOf(page).filter((one) => one.heading === heading && one.language === 'sh')
  expect(found).toHaveLength(1)
  const lines = found[0]?.text.trimEnd().split('\n') ?? []
  return lines.map((line) => line.replace(/\s+#.*$/, ''))
}

function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PGWITNESS_|PG)/.test(name))
  const path = `${join(home, 'bin')}:${process.env['PATH']}`
  return { ...Object.fromEntries(inherited), PATH: path, PGPASSWORD: postgres.password }
}

/** Runs a command to its end and gives what it wrote; its status must be 0. */
function ran(command: string): string {
  const most = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const
  const options = { cwd: home, env: environment(), ...most }
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], options)
  expect({ command, status, stderr }).toMatchObject({ status: 0 })
  return stdout
}

/** A port that nobody listens on: it was ours a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Starts `run`, which stays up until the end of the test; gives its ports. */
async function up(command: string): Promise<{ readonly port: string }> {
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    cwd: home,
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = once(child, 'exit')
  running.push(async () => {
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
  const listening = /listening on \S+:(\d+) for/
  await expect.poll(() => said).toMatch(listening)
  return { port: listening.exec(said)?.[1] ?? '' }
}

test.skipIf(versionOf('psql') === undefined)(
  'a start without a file (skips without psql)',
  async () => {
    const [build, run = '', psql = '', tail = ''] = commandsOf('README.md', 'Where it sits')
    expect(build).toBe('npm run build')
    const server = `localhost:${postgres.port}`
    const { port } = await up(`${run.replace('localhost:5432', server)} --listen 127.0.0.1:0`)
    const connect = psql.replace('7432', port).replace('me mydb', `${postgres.superuser} postgres`)
    expect(ran(`${connect} -XAtc 'SELECT 41 + 1'`)).toBe('42\n')
    await expect
      .poll(() =>
        execFileSync('/bin/sh', ['-c', tail.replace('-F', '-n 100')], {
          cwd: home,
          encoding: 'utf8',
        }),
      )
      .toContain('SELECT 41 + 1')
  },
)

/** The configuration of the README with names of this machine. */
function readmeConfiguration(): string {
  const { ca, cert, key } = makeCertificates()
  writeFileSync(join(home, 'catalog-password'), `${postgres.password}\n`, { mode: 0o600 })
  const [block] = blocksOf('README.md').filter(({ language }) => language === 'yaml')
  const changes: readonly (readonly [string | RegExp, string])[] = [
    [
      'host: 0.0.0.0, port: 7432, allow: [10.0.0.0/8]',
      'host: 127.0.0.1, port: 0, allow: [127.0.0.0/8]',
    ],
    ['server.crt', cert],
    ['server.key', key],
    [/^upstream: .*$/m, `upstream: { host: 127.0.0.1, port: ${postgres.port} }`],
    ['user: pgwitness', `user: ${postgres.superuser}`],
    ['/var/lib/pgwitness/audit', join(home, 'second')],
    ['port: 9188', 'port: 0'],
  ]
  expect(dirname(ca)).toBe(dirname(cert))
  return changes.reduce((text, [from, to]) => {
    const changed = text.replace(from, to)
    expect(changed, String(from)).not.toBe(text)
    return changed
  }, block?.text ?? '')
}

describe.skipIf(!opensslInstalled())('with a file (skips without openssl)', () => {
  beforeAll(() => writeFileSync(join(home, 'pgwitness.yaml'), readmeConfiguration()))

  test('check, explain, run', async () => {
    const [check = '', explain = '', run = ''] = commandsOf('README.md', 'Configuration')
    expect(ran(check)).toContain('name: finance-writes')
    expect(ran(explain)).toMatch(/class {6}WRITE[\s\S]*finance-writes/)
    await up(run)
  })

  test('what finds mistakes', async () => {
    const page = 'docs/troubleshooting.md'
    const [check = '', run = '', curl = ''] = commandsOf(page, '')
    expect(ran(check)).toContain('name: finance-writes')
    const file = join(home, 'with-admin.yaml')
    const port = await freePort()
    writeFileSync(file, readmeConfiguration().replace(/(admin: .*port: )0/, `$1${port}`))
    await up(run.replace('pgwitness.yaml', file))
    // Without curl the address is asked in another way.
    const url = curl.split(' ')[1]?.replace('9188', `${port}`) ?? ''
    expect(curl).toBe('curl http://127.0.0.1:9188/readyz')
    const health = (await (await fetch(url)).json()) as { ready: boolean; degraded: string[] }
    expect(health.ready).toBe(true)
    // That the machine of the tests has little room left is no news here.
    expect(health.degraded.filter((line) => !line.endsWith('% full'))).toEqual([])
  })
})

describe('the commands of docs/reading.md that show the trail', () => {
  let trail: SampleTrail

  beforeAll(async () => {
    trail = await writeSampleTrail('json')
  })

  afterAll(() => trail.remove())

  test.each(commandsOf('docs/reading.md', 'With pgwitness tail'))('%s', (command) => {
    const here = command.replace('/var/lib/pgwitness/audit', trail.directory)
    expect(here).not.toBe(command)
    // What goes on for ever ends here where the records end.
    const shown = ran(here.includes('--no-follow') ? here : `${here} --no-follow`)
    if (command.includes('-n all')) expect(shown.split('\n').length).toBeGreaterThan(20)
  })
})

test('the rules of docs/configuration.md', () => {
  const [block] = blocksOf('docs/configuration.md').filter(({ language }) => language === 'yaml')
  const file = join(home, 'rules.yaml')
  writeFileSync(file, block?.text ?? '')
  const config = loadConfig({ file, env: {} })
  expect(config.rules?.map(({ name }) => name)).toEqual(['finance-writes', 'refused-logins'])
  expect(() => compileRules(config, 'UTC')).not.toThrow()
})

test.skipIf(versionOf('psql') === undefined)(
  'the role of docs/running.md is made, and may log in (skips without psql)',
  async () => {
    writeFileSync(join(home, 'catalog-password'), 'of the role\n', { mode: 0o600 })
    const [command = ''] = commandsOf('docs/running.md', 'The role of the side connection')
    const { host, port, superuser } = postgres
    ran(`export PGHOST=${host} PGPORT=${port} PGUSER=${superuser}; ${command}`)
    const role = { host, port, user: 'pgwitness', password: 'of the role', database: 'postgres' }
    const client = new pg.Client(role)
    await client.connect()
    expect((await client.query('SELECT current_user AS name')).rows).toEqual([
      { name: 'pgwitness' },
    ])
    await client.end()
  },
)

describe('the tables of docs/records.md', () => {
  const documented = '/var/log/pgwitness/audit-2026-11-21_220601Z-0001.log'
  const trails: SampleTrail[] = []
  let client: pg.Client

  beforeAll(async () => {
    const { host, port, superuser: user, password } = postgres
    client = new pg.Client({ host, port, user, password, database: 'postgres' })
    await client.connect()
  })

  afterAll(async () => {
    await client.end()
    for (const trail of trails) trail.remove()
  })

  test.each([
    ['JSON', 'json', 'audit_json'],
    ['CSV', 'csv', 'audit_csv'],
  ] as const)('load a file of %s', async (heading, format, table) => {
    const trail = await writeSampleTrail(format)
    trails.push(trail)
    const [file = ''] = readdirSync(trail.directory)
      .filter((name) => name.endsWith('.log'))
      .sort()
    const blocks = blocksOf('docs/records.md')
    const [block] = blocks.filter((one) => one.heading === heading && one.language === 'sql')
    const text = block?.text ?? ''
    expect(text).toContain(documented)
    await client.query(text.replace(documented, join(trail.directory, file)))
    const { rows } = await client.query(`SELECT count(*)::int AS rows FROM ${table}`)
    expect(rows[0].rows).toBeGreaterThan(1)
  })
})
