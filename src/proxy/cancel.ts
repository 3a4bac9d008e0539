import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import type { TlsMaterial } from './tls-material.js'
import { connectUpstream } from './upstream.js'

/** Who has sent a cancel request, as far as its delivery needs to know. */
export interface CancelSender {
  /** Told of each socket to the server as it is made. */
  opened(socket: Socket): void
  /** True when the process stops: what has not been delivered never will be. */
  givenUp(): boolean
}

/** Passes cancel requests on, a bounded number at once; the others wait for their turn. */
export class CancelRelay {
  readonly #upstream: Config['upstream']
  readonly #material: TlsMaterial['upstream']
  readonly #held_back: (pid: number) => boolean
  #under_way = 0
  /** Each belongs to a socket of its own, and those are bounded. */
  readonly #waiting: (() => void)[] = []

  /** `held_back` tells whether statements of the session of this server process wait with us. */
  constructor(
    upstream: Config['upstream'],
    material: TlsMaterial['upstream'],
    held_back: (pid: number) => boolean,
  ) {
    this.#upstream = upstream
    this.#material = material
    this.#held_back = held_back
  }

  /**
   * Passes one on as it is. A statement that is still here is let past first, and gets a moment to
   * begin: the server would find nothing to cancel, and run it afterwards. One that the server
   * works on is never waited for. Resolves when the server has closed our socket; the client's has
   * to stay open until then: it takes the end of its cancel connection as the sign that the cancel
   * was delivered, and would send its next statement into it otherwise.
   */
  async relay(packet: Buffer, pid: number, sender: CancelSender): Promise<void> {
    if (this.#held_back(pid)) await this.#letPast(pid, sender)
    await this.#place()
    try {
      if (!sender.givenUp()) await this.#deliver(packet, sender)
    } catch (error) {
      // A cancel has no answer of any kind: the client learns nothing, as from a server that is down.
      if (!(error instanceof WitnessError)) throw error
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#under_way--
      else next()
    }
  }

  async #letPast(pid: number, sender: CancelSender): Promise<void> {
    const deadline_ms = performance.now() + limits.cancel_wait_ms
    while (this.#held_back(pid) && performance.now() < deadline_ms && !sender.givenUp()) {
      await delay(limits.cancel_look_ms)
    }
    await delay(limits.cancel_grace_ms)
  }

  /** Takes a place; one that is given up goes to who has waited longest. */
  async #place(): Promise<void> {
    if (this.#under_way < limits.cancels_at_once) this.#under_way++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async #deliver(packet: Buffer, sender: CancelSender): Promise<void> {
    const opened = (socket: Socket) => sender.opened(socket)
    const { socket } = await connectUpstream(this.#upstream, this.#material, opened)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), limits.connect_timeout_ms)
      socket.on('error', () => {})
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      socket.resume()
      socket.once('end', () => socket.end())
      socket.write(packet)
    })
  }
}
