import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp } from '../../../src/app.js'
import { loadConfig } from '../../../src/config/load.js'
import { readTrail } from '../../../src/trail/read-trail.js'
import { message, ready } from '../../support/messages.js'
import { Cutter } from '../cutting.js'
import { caseSeed, Random } from '../random.js'
import { reduceList } from '../reduce.js'
import { act, bytesOf, type Line, parseScript, printScript, type Script } from '../script.js'
import type { Finding, OpenTarget, Target, TargetOptions } from '../target.js'
import { interleave, ToyServer } from '../toy-server.js'
import { mutate } from './mutations.js'
import { type Played, Player } from './player.js'
import { endsWithOwnError } from './transport.js'

/**
 * A server that attacks: it answers with what has been spoilt. Nothing is left of the database to
 * judge by; the proxy must stay alive, pass on no more than it got, end the session and say so.
 */
export const hostile: Target = {
  name: 'hostile',
  open: async (options) => new HostileTarget(options),
}

const attempts = 60
const admitted = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('K', Buffer.from('0000000100000002', 'hex')),
  ready(),
])

function generate(random: Random): Script {
  const server = new ToyServer(random)
  server.play(1 + random.below(20))
  const lines = mutate(interleave(server.exchanges, random), random)
  const login: Line[] = random.once(6) ? mutate(loginLines(), random) : loginLines()
  const goodbye = act(random.pick(['half-close', 'drop', 'wait'] as const))
  return {
    startup: { user: 'alice', database: 'shop' },
    cut: random.once(4) ? 0 : 1 + random.seed(),
    lines: [...login, ...lines, goodbye],
  }
}

function loginLines(): Line[] {
  return [{ kind: 'raw', side: '<', bytes: admitted }]
}

/** The words before the colon, without numbers. */
function kindOf(what: string): string {
  return what.replace(/:[\s\S]*|\d+/g, '').trim()
}

class HostileTarget implements OpenTarget {
  readonly batch = 40
  readonly #options: TargetOptions
  #sessions = 0

  constructor(options: TargetOptions) {
    this.#options = options
  }

  counts() {
    return { sessions: this.#sessions }
  }

  async close(): Promise<void> {}

  async play(numbers: readonly number[]): Promise<readonly Finding[]> {
    const scripts = numbers.map((number) =>
      generate(new Random(caseSeed(this.#options.seed, 'hostile', number))),
    )
    const faults = await this.#judged(scripts)
    return numbers.flatMap((number, index) => {
      const script = scripts[index]
      return (faults[index] ?? []).map((what) => ({
        number,
        kind: kindOf(what),
        what,
        file: script === undefined ? '' : printScript(script),
      }))
    })
  }

  async replay(files: readonly string[]): Promise<readonly (readonly string[])[]> {
    return await this.#judged(files.map(parseScript))
  }

  async reduce(finding: Finding): Promise<Finding> {
    const script = parseScript(finding.file)
    const shows = async (lines: readonly Line[]) => {
      const [faults = []] = await this.#judged([{ ...script, lines }])
      return faults.some((what) => kindOf(what) === finding.kind)
    }
    if (!(await shows(script.lines))) return finding
    const lines = await reduceList(script.lines, shows, attempts)
    return { ...finding, file: printScript({ ...script, lines }) }
  }

  async #judged(scripts: readonly Script[]): Promise<string[][]> {
    const server = await HostileServer.open(scripts)
    const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-fuzz-'))
    const log = join(scratch, 'server.log')
    const directory = join(scratch, 'audit')
    try {
      const app = await startApp(configOf(server.port, directory, log), { drain_ms: 2_000 })
      const faults: string[][] = scripts.map(() => [])
      try {
        const left = scripts.map((script, index) => ({ script, index }))
        const lanes = Array.from({ length: this.#options.jobs }, async () => {
          for (let next = left.shift(); next !== undefined; next = left.shift()) {
            const { script, index } = next
            const startup = { ...script.startup, application_name: `case-${index}` }
            const played = await Player.play(app.address.port, { ...script, startup })
            this.#sessions++
            faults[index]?.push(...clientFaults(played, server.said.get(index)))
          }
        })
        await Promise.all(lanes)
      } finally {
        await app.stop('fuzzed')
      }
      const ends = await endsIn(directory)
      const complaints = existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter((line) => /"level":(?:[56]0|"(?:error|fatal)")/.test(line))
        : []
      for (const complaint of complaints) faults[0]?.push(`internal error: ${complaint}`)
      for (const [index, list] of faults.entries()) {
        const { opened = 0, ended = 0 } = ends.get(`case-${index}`) ?? {}
        if (opened !== ended) list.push(`opened ${opened} times, ended ${ended} times`)
      }
      return faults
    } finally {
      await server.close()
      rmSync(scratch, { recursive: true, force: true })
    }
  }
}

function configOf(port: number, directory: string, log: string) {
  return loadConfig({
    settings: {
      instance: 'fuzz',
      listen: { host: '127.0.0.1', port: 0 },
      upstream: { host: '127.0.0.1', port, tls: { mode: 'disable' } },
      audit: { directory, flush: { interval: '10ms' } },
      server_log: { level: 'warn', file: log },
    },
    env: {},
    flags: {},
  })
}

/** Authorized sessions and their ends, by application_name. */
async function endsIn(directory: string) {
  const counts = new Map<string, { opened: number; ended: number }>()
  // The server may change the name; the first one is the client's.
  const names = new Map<number, string>()
  for await (const { line } of readTrail(directory)) {
    const record = JSON.parse(line)
    const { id, application } = record.session ?? {}
    if (typeof application === 'string' && !names.has(id)) names.set(id, application)
    const name = names.get(id)
    if (name === undefined) continue
    const count = counts.get(name) ?? { opened: 0, ended: 0 }
    counts.set(name, count)
    if (record.command === 'connection authorized') count.opened++
    if (record.command === 'disconnection') count.ended++
  }
  return counts
}

function clientFaults(played: Played, said: Buffer | undefined): string[] {
  const faults: string[] = []
  if (played.hung) faults.push('hangs: the session did not end')
  const { received } = played
  let shared = 0
  while (shared < received.length && received[shared] === said?.[shared]) shared++
  const own = received.subarray(shared)
  if (own.length > 0 && !endsWithOwnError(received, shared)) {
    faults.push(`made up: ${JSON.stringify(own.toString('latin1').slice(0, 100))}`)
  }
  return faults
}

/** Says its lines, in time with those of the client as far as the client sends them. */
class HostileServer {
  readonly said = new Map<number, Buffer>()
  readonly #server: Server
  readonly #scripts: readonly Script[]
  readonly #sockets = new Set<Socket>()
  port = 0

  private constructor(scripts: readonly Script[]) {
    this.#scripts = scripts
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      let begun = false
      socket.on('data', (chunk: Buffer) => {
        if (begun) return
        begun = true
        const [, index] = /application_name\0case-(\d+)\0/.exec(chunk.toString('latin1')) ?? []
        void this.#speak(socket, Number(index))
      })
    })
  }

  static async open(scripts: readonly Script[]): Promise<HostileServer> {
    const server = new HostileServer(scripts)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    const address = server.#server.address()
    server.port = typeof address === 'object' && address !== null ? address.port : 0
    return server
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #speak(socket: Socket, index: number): Promise<void> {
    const script = this.#scripts[index]
    const said: Buffer[] = []
    const cutter = new Cutter(script?.cut ?? 0)
    for (const line of script?.lines ?? []) {
      if (line.kind === 'act' || line.side === '>') continue
      for (const piece of cutter.cut(bytesOf(line))) {
        said.push(piece)
        this.said.set(index, Buffer.concat(said))
        if (!socket.destroyed) socket.write(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    // It waits for the client to end, but not for ever: a server goes away as well.
    const end = setTimeout(() => socket.end(), 50)
    socket.once('end', () => socket.end())
    socket.once('close', () => clearTimeout(end))
  }
}
