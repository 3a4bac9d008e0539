import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { error_table } from '../../src/errors.js'
import {
  makeCertificates,
  opensslInstalled,
  type TestCertificates,
} from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { runToEnd, type SpawnedCli, spawnCli, written } from './spawn-cli.js'

/**
 * The likeliest mistakes of a first use, each made for once. What is told must say what, where and
 * what to do; `docs/troubleshooting.md` shows it, and each row of that page is tried here.
 */

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-first-'))
let postgres: ScratchPostgres
let certificates: TestCertificates | undefined
const closing: (() => void)[] = []
let directories = 0

beforeAll(async () => {
  if (opensslInstalled()) certificates = makeCertificates()
  const files =
    certificates === undefined
      ? {}
      : {
          'server.crt': readFileSync(certificates.cert, 'utf8'),
          'server.key': readFileSync(certificates.key, 'utf8'),
        }
  postgres = await startPostgres({
    settings: certificates === undefined ? {} : { ssl: 'on' },
    files,
    hba: [
      'local all postgres trust',
      'host all postgres 127.0.0.1/32 scram-sha-256',
      'host all all 127.0.0.1/32 scram-sha-256',
    ],
  })
  await asSuperuser(
    "CREATE ROLE witness LOGIN PASSWORD 'right'; CREATE ROLE shut LOGIN PASSWORD 'right'",
    'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO witness',
  )
})

afterAll(async () => {
  for (const close of closing) close()
  await postgres.stop()
  rmSync(directory, { recursive: true })
})

async function asSuperuser(...texts: readonly string[]): Promise<void> {
  const { socket_directory: host, port, superuser: user } = postgres
  const client = new pg.Client({ host, port, user, database: 'postgres' })
  await client.connect()
  for (const text of texts) await client.query(text)
  await client.end()
}

function fresh(): string {
  directories += 1
  return join(directory, `audit-${directories}`)
}

function configFile(text: string): string {
  const file = `${fresh()}.yaml`
  writeFileSync(file, text)
  return file
}

/** What stands in a line of the server log, in the form in which a terminal shows errors. */
function asTold(text: string): string {
  return text.replaceAll(/^\{.*\}$/gm, (line) => {
    const { code, msg, hint }: Readonly<Record<string, string>> = JSON.parse(line)
    if (code === undefined) return ''
    return `pgwitness: ${code}: ${msg}\n  hint: ${hint}`
  })
}

/** The end of a command that must fail; what it said. */
async function failing(
  command_line: readonly string[],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
): Promise<string> {
  const cli = spawnCli(command_line, env, before)
  expect({ status: await cli.ended, stdout: cli.stdout }).toEqual({ status: 1, stdout: '' })
  return cli.stderr
}

const whole_line = /"code":"(?!audit|tls)[^\n]*\n/

interface Running {
  readonly cli: SpawnedCli
  readonly port: number
}

async function running(env: Readonly<Record<string, string>>): Promise<Running> {
  const cli = spawnCli(['run'], {
    PGWITNESS_LISTEN_PORT: '0',
    PGWITNESS_AUDIT_DIRECTORY: fresh(),
    PGWITNESS_UPSTREAM_PORT: `${postgres.port}`,
    ...env,
  })
  const [, port] = await written(cli, 'stderr', /listening on \S+:(\d+) for/)
  return { cli, port: Number(port) }
}

/** What a start that goes well nevertheless says in the server log. */
async function warned(
  env: Readonly<Record<string, string>>,
  meanwhile: (running: Running) => Promise<void> = async () => {},
): Promise<string> {
  const started = await running(env)
  await meanwhile(started)
  await written(started.cli, 'stderr', whole_line)
  started.cli.process.kill('SIGTERM')
  expect(await started.cli.ended).toBe(0)
  return started.cli.stderr
}

/** What a client is told that connects through a proxy with these settings. */
async function refusedClient(
  env: Readonly<Record<string, string>>,
  options: pg.ClientConfig = {},
): Promise<string> {
  const { cli, port } = await running(env)
  const { superuser: user, password } = postgres
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, ...options })
  client.on('error', () => {})
  const error = await client.connect().then(
    () => undefined,
    (refusal: unknown) => refusal,
  )
  await client.end().catch(() => {})
  cli.process.kill('SIGTERM')
  expect(await cli.ended).toBe(0)
  if (!(error instanceof Error)) throw new Error('the client was let in')
  if (!(error instanceof pg.DatabaseError)) return error.message
  return `${error.code}: ${error.message}\n  hint: ${error.hint ?? 'none'}`
}

async function portOf(server: Server): Promise<number> {
  closing.push(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A port that nobody listens on: it was ours a moment ago. */
async function deadPort(): Promise<string> {
  const server = createServer()
  const port = await portOf(server)
  server.close()
  await once(server, 'close')
  return `${port}`
}

/** A catalog block by environment. */
function catalog(user: string, password?: string): Readonly<Record<string, string>> {
  return {
    PGWITNESS_CATALOG_USER: user,
    ...(password === undefined ? {} : { PGPASSWORD: password }),
  }
}

function tls(): TestCertificates {
  if (certificates === undefined) throw new Error('openssl is not installed')
  return certificates
}

function listenTls(cert: string, key: string): Readonly<Record<string, string>> {
  return {
    PGWITNESS_LISTEN_TLS_MODE: 'require',
    PGWITNESS_LISTEN_TLS_CERT: cert,
    PGWITNESS_LISTEN_TLS_KEY: key,
  }
}

/** As root with no privilege of root's, which ports and directories are refused to as to anyone. */
const powerless =
  process.getuid?.() === 0
    ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all']
    : []

function mayBePowerless(): boolean {
  return runs(...powerless, 'true')
}

function runs(program = 'true', ...words: readonly string[]): boolean {
  try {
    execFileSync(program, words, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function lowPortsAreOpen(): boolean {
  const file = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
  try {
    return Number(readFileSync(file, 'utf8')) <= 443
  } catch {
    return process.platform === 'darwin'
  }
}

function mayMount(): boolean {
  const point = mkdtempSync(join(tmpdir(), 'pgwitness-mount-'))
  const mounted = runs('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', point)
  if (mounted) runs('umount', point)
  rmSync(point, { recursive: true })
  return mounted
}

const outside_address = Object.values(networkInterfaces())
  .flat()
  .find((entry) => entry?.family === 'IPv4' && !entry.internal)?.address

interface Mistake {
  /** Where this machine cannot make it, why. */
  readonly skipped?: string | undefined
  /** Makes it; gives what the person who made it is told. */
  readonly made: () => Promise<string>
}

const without_openssl = opensslInstalled() ? undefined : 'openssl is not installed'

const at_the_server: Readonly<Record<string, Mistake>> = {
  'a wrong host of the server': {
    made: () => warned({ PGWITNESS_UPSTREAM_HOST: 'db.invalid' }),
  },
  'a wrong port of the server': {
    made: async () => warned({ PGWITNESS_UPSTREAM_PORT: await deadPort() }),
  },
  'a port where something else listens': {
    made: async () => {
      const port = await portOf(createHttpServer())
      return await warned({
        PGWITNESS_UPSTREAM_PORT: `${port}`,
        PGWITNESS_UPSTREAM_TLS_MODE: 'disable',
      })
    },
  },
  'TLS with a server that has none': {
    made: async () => {
      const without = await startPostgres()
      closing.push(() => void without.stop())
      const env = {
        PGWITNESS_UPSTREAM_PORT: `${without.port}`,
        PGWITNESS_UPSTREAM_TLS_MODE: 'require',
      }
      return await warned(env)
    },
  },
  'a server’s certificate of another authority': {
    skipped: without_openssl,
    made: () =>
      warned({
        PGWITNESS_UPSTREAM_TLS_MODE: 'verify-ca',
        PGWITNESS_UPSTREAM_TLS_CA: makeCertificates().ca,
      }),
  },
  'a server’s certificate of another name': {
    skipped: without_openssl,
    made: () =>
      warned({
        PGWITNESS_UPSTREAM_HOST: '127.0.0.1',
        PGWITNESS_UPSTREAM_TLS_MODE: 'verify-full',
        PGWITNESS_UPSTREAM_TLS_CA: tls().ca,
      }),
  },
  'a role of the catalog that does not exist': { made: () => warned(catalog('nobody_there', 'x')) },
  'a wrong password of the catalog’s role': { made: () => warned(catalog('witness', 'wrong')) },
  'no password for the catalog’s role': { made: () => warned(catalog('witness')) },
  'a role of the catalog without the right to connect': {
    made: () => warned(catalog('shut', 'right')),
  },
  'an audit role that does not exist': {
    made: () =>
      warned(
        { ...catalog('witness', 'right'), PGWITNESS_OBJECT_AUDIT_ROLE: 'auditr' },
        async ({ port }) => {
          const options = { host: '127.0.0.1', port, user: 'witness', password: 'right' }
          const client = new pg.Client({ ...options, database: 'postgres' })
          await client.connect()
          await client.query('SELECT 1')
          await client.end()
        },
      ),
  },
  'clocks that are far apart': {
    made: () => {
      const an_hour_ahead = 'const now = Date.now; Date.now = () => now() + 3_600_000'
      return warned({
        ...catalog('witness', 'right'),
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(an_hour_ahead)}`,
      })
    },
  },
}

const at_the_client: Readonly<Record<string, Mistake>> = {
  'a client without TLS where it is required': {
    skipped: without_openssl,
    made: () => refusedClient(listenTls(tls().cert, tls().key)),
  },
  'a client that asks for TLS where there is none': {
    made: () => refusedClient({}, { ssl: { rejectUnauthorized: false } }),
  },
  'a client from an address that is not allowed': {
    made: () => refusedClient({ PGWITNESS_LISTEN_ALLOW: '10.0.0.0/8' }),
  },
  'a trust line for the address of pgwitness': {
    skipped: outside_address === undefined ? 'there is no address besides loopback' : undefined,
    made: () =>
      refusedClient(
        { PGWITNESS_LISTEN_HOST: '0.0.0.0', PGWITNESS_UPSTREAM_HOST: postgres.socket_directory },
        { host: outside_address ?? '' },
      ),
  },
}

const on_this_machine: Readonly<Record<string, Mistake>> = {
  'an audit directory that is not writable': {
    skipped: mayBePowerless() ? undefined : 'root cannot give up its privileges here',
    made: async () => {
      const path = fresh()
      mkdirSync(path, { mode: 0o500 })
      const line = ['run', '--listen', '127.0.0.1:0', '--audit-dir', join(path, 'audit')]
      return await failing(line, {}, powerless)
    },
  },
  'an audit directory that is a file': {
    made: async () => {
      const path = fresh()
      writeFileSync(path, '')
      return await failing(['run', '--listen', '127.0.0.1:0', '--audit-dir', path])
    },
  },
  'an audit directory that others may write to': {
    made: () => {
      const path = fresh()
      mkdirSync(path)
      chmodSync(path, 0o777)
      return warned({ PGWITNESS_AUDIT_DIRECTORY: path })
    },
  },
  'a second pgwitness on the same directory': {
    made: async () => {
      const path = fresh()
      const { cli } = await running({ PGWITNESS_AUDIT_DIRECTORY: path })
      const said = await failing(['run', '--listen', '127.0.0.1:0', '--audit-dir', path])
      cli.process.kill('SIGTERM')
      expect(await cli.ended).toBe(0)
      return said
    },
  },
  'a disk that is full at the start': {
    skipped: mayMount() ? undefined : 'no tmpfs can be mounted',
    made: async () => {
      const point = fresh()
      mkdirSync(point)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', point])
      try {
        runs('dd', 'if=/dev/zero', `of=${join(point, 'filler')}`)
        return await failing([
          'run',
          '--listen',
          '127.0.0.1:0',
          '--audit-dir',
          join(point, 'audit'),
        ])
      } finally {
        execFileSync('umount', ['-l', point])
      }
    },
  },
  'a port that is in use': {
    made: async () => {
      const port = await portOf(createServer())
      return await failing(['run', '--listen', `127.0.0.1:${port}`, '--audit-dir', fresh()])
    },
  },
  'a port below 1024': {
    skipped:
      mayBePowerless() && !lowPortsAreOpen()
        ? undefined
        : 'such ports are anyone’s on this machine',
    made: () =>
      failing(['run', '--listen', '127.0.0.1:432', '--audit-dir', fresh()], {}, powerless),
  },
  'an address of another machine': {
    made: () => failing(['run', '--listen', '198.51.100.1:7432', '--audit-dir', fresh()]),
  },
  'a directory for the socket that is not there': {
    made: () => failing(['run', '--listen', '/nowhere/pgwitness:7432', '--audit-dir', fresh()]),
  },
  'a server log that cannot be written': {
    made: () =>
      failing(['run'], {
        PGWITNESS_AUDIT_DIRECTORY: fresh(),
        PGWITNESS_SERVER_LOG_FILE: '/proc/log',
      }),
  },
}

const in_the_configuration: Readonly<Record<string, Mistake>> = {
  'a file that is not there': { made: () => failing(['check', '--config', '/nowhere.yaml']) },
  'a line that is not YAML': {
    made: () => failing(['check', '--config', configFile('listen:\n\tport: 7432\n')]),
  },
  'a key that does not exist': {
    made: () => failing(['check', '--config', configFile('listen: { prot: 7432 }\n')]),
  },
  'a variable that does not exist': {
    made: () => failing(['check'], { PGWITNESS_UPSTREM_HOST: 'db' }),
  },
  'a value without its unit': {
    made: () => failing(['check', '--config', configFile('audit: { flush: { interval: 50 } }\n')]),
  },
  'a pattern that cannot be read': {
    made: () => {
      const rules = "rules:\n  - { name: finance, object: ['\"finance.*'] }\n"
      return failing(['check', '--config', configFile(rules)])
    },
  },
  'a password in --upstream': {
    made: () => failing(['run', '--upstream', 'postgres://app:hunter2@localhost']),
  },
  'a key file that others may read': {
    skipped: without_openssl,
    made: () => {
      const key = `${fresh()}.key`
      cpSync(tls().key, key)
      chmodSync(key, 0o644)
      return failing(['check'], listenTls(tls().cert, key))
    },
  },
  'a key of another certificate': {
    skipped: without_openssl,
    made: () => failing(['check'], listenTls(tls().cert, tls().client_key)),
  },
  'a certificate that has expired': {
    skipped: without_openssl,
    made: async () => {
      const { status, stderr } = await runToEnd(
        ['check'],
        listenTls(tls().expired_cert, tls().client_key),
      )
      expect(status).toBe(0)
      return stderr
    },
  },
}

const mistakes: Readonly<Record<string, Mistake>> = {
  ...at_the_server,
  ...at_the_client,
  ...on_this_machine,
  ...in_the_configuration,
}

const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8')

/** Rows of the page's tables: the mistake, and what is told of it. */
const rows = [...page.matchAll(/^\| ([^|`]+) \| `([^|`]+)` \| [^|]+ \|$/gm)].map(
  ([, mistake = '', words = '']) => [mistake, words] as const,
)

/** The words as the page shows them: `…` stands for what differs from case to case. */
function pattern(words: string): RegExp {
  const pieces = words.split('…').map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(pieces.join('[^]*?'))
}

describe('docs/troubleshooting.md', () => {
  test('has a row for each mistake that is made here', () => {
    expect(rows.map(([mistake]) => mistake)).toEqual(Object.keys(mistakes))
    expect(rows.length).toBeGreaterThan(30)
  })

  test.for(rows)('says what is told of %s', async ([name, words], { skip }) => {
    const mistake = mistakes[name]
    if (mistake === undefined) throw new Error('no such mistake is made here')
    const { skipped, made } = mistake
    if (skipped !== undefined) skip(skipped)
    const told = asTold(await made())
    expect(told).toMatch(pattern(words))
    expect(told).not.toMatch(/^ {4}at |hunter2|undefined/m)
    const [, code] = /^pgwitness: (\w+\.\w+):/.exec(words) ?? []
    if (code === undefined) return
    expect(told).toContain('hint: ')
    if (!Object.hasOwn(error_table, code)) expect(code).toMatch(/^(clock|tls)\./)
  })
})
