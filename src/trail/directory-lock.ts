import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  unlinkSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WitnessError } from '../errors.js'
import { errnoOf } from './write-failure.js'

const lock_name = '.lock.sock'

/** Rounds of finding a dead holder's socket and removing it. */
const takeover_rounds = 5

/** After a takeover another one that came at the same moment shows within this time. */
const takeover_pause_ms = 50

/** A holder answers from its event loop, which may be busy. */
const answer_ms = 2_000

/**
 * The lock of an audit directory: a listening socket in it. It holds across containers that share
 * the directory, and ends with its process, however that ends: what is left then refuses
 * connections and is taken over.
 */
export class DirectoryLock {
  readonly #directory: string
  readonly #directory_fd: number
  /** Where the server is bound; it removes whatever is found there when it is closed. */
  readonly #path: string
  readonly #server: Server
  readonly #stat: BigIntStats

  private constructor(directory: string, directory_fd: number, path: string, server: Server) {
    this.#directory = directory
    this.#directory_fd = directory_fd
    this.#path = path
    this.#server = server
    this.#stat = lstatSync(path, { bigint: true })
  }

  /** Takes the lock. Throws `trail.locked` when another holds it, `trail.directory` for other errors. */
  static async take(directory: string): Promise<DirectoryLock> {
    let fd: number
    try {
      fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    } catch (cause) {
      throw lockError(directory, cause)
    }
    let lock: DirectoryLock | undefined
    try {
      const path = shortPath(fd, directory)
      const { server, taken_over } = await listenOrTakeOver(path, directory)
      lock = new DirectoryLock(directory, fd, path, server)
      if (taken_over) await lock.#survive()
      return lock
    } catch (error) {
      // A lock that was taken closes its directory itself.
      if (lock === undefined) closeSync(fd)
      throw error instanceof WitnessError ? error : lockError(directory, error)
    }
  }

  /** Whether the directory still shows this very socket: it may have been removed and made anew. */
  get in_place(): boolean {
    return this.#isOurs(join(this.#directory, lock_name))
  }

  /** Gives the lock back and removes the socket, unless another's has taken its place. */
  async release(): Promise<void> {
    if (statOrUndefined(this.#path) !== undefined && !this.#isOurs(this.#path)) return
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    closeSync(this.#directory_fd)
  }

  #isOurs(path: string): boolean {
    const stat = statOrUndefined(path)
    return stat !== undefined && stat.ino === this.#stat.ino && stat.dev === this.#stat.dev
  }

  /** Two that found the same dead socket may both have removed one: the later one won. */
  async #survive(): Promise<void> {
    await sleep(takeover_pause_ms)
    if (this.in_place) return
    await this.release()
    throw lockedError(this.#directory, 'another that started at the same moment')
  }
}

/** Who holds the lock of a directory; undefined when nobody does. Leaves everything as it is. */
export async function lockHolder(directory: string): Promise<string | undefined> {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return await askHolder(shortPath(fd, directory))
  } finally {
    closeSync(fd)
  }
}

/** A socket's path may have 107 bytes; through the descriptor every directory is short (Linux). */
function shortPath(fd: number, directory: string): string {
  const base = `/proc/self/fd/${fd}`
  return join(existsSync(base) ? base : directory, lock_name)
}

async function listenOrTakeOver(
  path: string,
  directory: string,
): Promise<{ readonly server: Server; readonly taken_over: boolean }> {
  for (let round = 0; round < takeover_rounds; round++) {
    const server = await listen(path)
    if (server !== undefined) return { server, taken_over: round > 0 }
    const found = statOrUndefined(path)
    if (found === undefined) continue
    const holder = await askHolder(path)
    if (holder !== undefined) throw lockedError(directory, described(holder))
    // Only the very socket that refused is removed, not one that has just taken its place.
    const now = statOrUndefined(path)
    if (now?.ino === found.ino && now.ctimeNs === found.ctimeNs) unlinkSync(path)
  }
  throw lockedError(directory, 'others that start and stop without end')
}

/** Listens on the path; undefined when the name is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const holder = JSON.stringify({ pid: process.pid, host: hostname() })
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(holder)
    })
    server.once('error', (error) => {
      if (errnoOf(error) === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(path, () => {
      chmodSync(path, 0o600)
      // The lock alone is no reason for the process to stay.
      server.unref()
      resolve(server)
    })
  })
}

/** Who holds the lock; undefined when nobody listens any more. */
function askHolder(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    let answer = ''
    const finish = (holder: string | undefined): void => {
      socket.destroy()
      resolve(holder)
    }
    // A holder that accepts but does not answer is busy or stopped, not gone.
    socket.setTimeout(answer_ms, () => finish('a process that does not answer'))
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      answer += text
    })
    socket.on('end', () => finish(answer === '' ? 'another process' : answer))
    socket.on('error', (error) => {
      const errno = errnoOf(error)
      const gone = errno === 'ECONNREFUSED' || errno === 'ENOENT'
      finish(gone ? undefined : `a process that cannot be asked (${errno})`)
    })
  })
}

function statOrUndefined(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true })
  } catch {
    // Whatever the reason, the socket cannot be seen there.
    return undefined
  }
}

/** Who answered, in words; what is no answer of ours stands as it is. */
function described(holder: string): string {
  const [, pid, host] = /^\{"pid":(\d+),"host":"([^"\\]*)"\}$/.exec(holder) ?? []
  return pid === undefined ? holder : `process ${pid} on ${host}`
}

function lockedError(directory: string, holder: string): WitnessError {
  return new WitnessError('trail.locked', `the audit directory ${directory} is held by ${holder}`)
}

function lockError(directory: string, cause: unknown): WitnessError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `the audit directory ${directory} cannot be locked: ${reason}`
  return new WitnessError('trail.directory', message, { cause })
}
