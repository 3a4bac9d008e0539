import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Identity } from '../../support/server-identity.js'

const start_patience_ms = 30_000
const stop_patience_ms = 10_000
const poll_ms = 20

/** A program that runs for as long as the benchmark does. */
export class Service {
  readonly name: string
  readonly port: number
  readonly #child: ChildProcess
  #output = ''
  readonly #end_with_us = () => {
    this.#child.kill('SIGKILL')
  }

  private constructor(name: string, port: number, child: ChildProcess) {
    this.name = name
    this.port = port
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = `${this.#output}${text}`.slice(-10_000)
      })
    }
    // Before the directories go in which it writes.
    process.prependOnceListener('exit', this.#end_with_us)
  }

  /** Starts it and waits until it listens. Throws with its words when it ends instead. */
  static async start(
    name: string,
    port: number,
    program: string,
    line: readonly string[],
    options: { readonly identity?: Identity | undefined; readonly cwd: string },
  ): Promise<Service> {
    const child = spawn(program, line, {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options.identity,
    })
    const service = new Service(name, port, child)
    // A program that cannot be run at all ends without a status; its words say so below.
    child.once('error', (error) => {
      service.#output += error.message
    })
    const deadline_ms = performance.now() + start_patience_ms
    while (child.exitCode === null && child.pid !== undefined && performance.now() < deadline_ms) {
      if (await listens(port)) return service
      await sleep(poll_ms)
    }
    await service.stop()
    throw new Error(`${name} did not start: ${service.#output}`)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it wrote last. */
  get output(): string {
    return this.#output
  }

  /** Throws when it is no longer there: what follows would measure nothing. */
  assertAlive(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return
    throw new Error(`${this.name} has ended: ${this.#output}`)
  }

  async stop(): Promise<void> {
    process.removeListener('exit', this.#end_with_us)
    if (this.#child.pid === undefined) return
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), stop_patience_ms)
    await exited
    clearTimeout(impatient)
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was assigned')
  server.close()
  await once(server, 'close')
  return address.port
}
