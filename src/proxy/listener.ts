import { chmodSync } from 'node:fs'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import { CancelRelay } from './cancel.js'
import { endpointOf } from './client-address.js'
import { Connection, type ConnectionParts } from './connection.js'
import { removeDeadSocket } from './dead-socket.js'
import { listenError } from './listen-error.js'
import { withReusedReads } from './reused-reads.js'

/** The port that applications connect to. */
export class Listener {
  readonly #server: Server
  readonly #parts: Omit<ConnectionParts, 'enter' | 'leave' | 'cancels'>
  readonly #cancels: CancelRelay
  readonly #connections = new Set<Connection>()
  /** Connections that have one of the places of `limits.connections`, their logins included. */
  #entered = 0
  #sweeper: NodeJS.Timeout | undefined
  #stopping = false
  /** Called when no connection is left, while the port is being closed. */
  #emptied: (() => void) | undefined

  constructor(parts: Omit<ConnectionParts, 'enter' | 'leave' | 'cancels'>) {
    this.#parts = parts
    const { config, material } = parts
    this.#cancels = new CancelRelay(config.upstream, material.upstream, (pid) => {
      for (const connection of this.#connections) if (connection.holdsBack(pid)) return true
      return false
    })
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: limits.keepalive_ms,
    }
    this.#server = createServer(options, (socket) => this.#accept(withReusedReads(socket)))
  }

  /** Open connections, those in negotiation included. */
  get connections(): number {
    return this.#connections.size
  }

  /** Resolves with the address; rejects with a WitnessError, `listen.in_use` for instance. */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port, socket_mode } = this.#parts.config.listen
    if (host.startsWith('/')) await this.#listenOnSocket(`${host}/.s.PGSQL.${port}`, socket_mode)
    else await this.#bind({ host, port }, `${host}:${port}`)
    this.#server.on('error', (error) => this.#parts.report(error))
    this.#sweep()
    const address = this.#server.address()
    return { host, port: typeof address === 'object' && address !== null ? address.port : port }
  }

  /** Node removes the file when the listener is closed. */
  async #listenOnSocket(path: string, mode: number): Promise<void> {
    for (;;) {
      try {
        // The file is made within this call: at no time may more users connect than it says.
        const umask = process.umask(0o177)
        const bound = this.#bind({ path }, path)
        process.umask(umask)
        await bound
        chmodSync(path, mode)
        return
      } catch (error) {
        if (!(error instanceof WitnessError) || error.code !== 'listen.in_use') throw error
        const place = await removeDeadSocket(path)
        if (place === 'alive') throw error
        if (place === 'no socket') {
          throw new WitnessError('listen.in_use', `cannot listen on ${path}: it is not a socket`)
        }
      }
    }
  }

  #bind(where: ListenOptions, name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) => reject(listenError(cause, name))
      this.#server.once('error', failed)
      this.#server.listen(where, () => {
        this.#server.removeListener('error', failed)
        resolve()
      })
    })
  }

  /**
   * Takes no more connections and ends those there are: idle ones at once, busy ones when done or
   * after `drain_ms`. Resolves when all are closed.
   */
  async close(drain_ms: number): Promise<void> {
    this.#stopping = true
    clearInterval(this.#sweeper)
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const ended = new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    for (const connection of this.#connections) connection.drain()
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.abort()
    }, drain_ms)
    if (this.#connections.size > 0) await ended
    await closed
    clearTimeout(timer)
  }

  #accept(socket: Socket): void {
    const { config, taps } = this.#parts
    const endpoint = endpointOf(socket, config.listen.host.startsWith('/'))
    if (endpoint === undefined) {
      socket.destroy()
      return
    }
    // While the trail has no room, what is refused leaves records that wait: it outlives its socket.
    const kept = Math.max(this.#connections.size, taps.unsettled)
    if (kept >= config.limits.connections + limits.unauthenticated_sockets) {
      taps.turnedAway(endpoint)
      socket.destroy()
      return
    }
    const connection = new Connection(socket, endpoint, {
      ...this.#parts,
      enter: () => this.#enter(),
      leave: () => {
        this.#entered--
      },
      cancels: this.#cancels,
    })
    this.#connections.add(connection)
    void connection.run().finally(() => this.#left(connection))
  }

  #left(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#emptied?.()
  }

  /**
   * One timer for all sessions looks who is idle, so that a session that is not costs nothing. It
   * comes often enough to be late by a tenth of the time limit, or by a second.
   */
  #sweep(): void {
    const { idle_timeout_ms } = this.#parts.config.limits
    if (idle_timeout_ms === undefined) return
    const period_ms = Math.min(limits.idle_sweep_ms, idle_timeout_ms / 20)
    this.#sweeper = setInterval(() => {
      const now_ms = performance.now()
      for (const connection of this.#connections) connection.endIfIdle(now_ms, idle_timeout_ms)
    }, period_ms)
  }

  #enter(): { readonly sqlstate: string; readonly message: string } | undefined {
    if (this.#stopping) {
      return { sqlstate: '57P03', message: 'the audit proxy is shutting down' }
    }
    if (this.#entered < this.#parts.config.limits.connections) {
      this.#entered++
      return undefined
    }
    return { sqlstate: '53300', message: 'sorry, too many clients already (limits.connections)' }
  }
}
