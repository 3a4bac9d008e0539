import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type ScratchPostgres, startPostgres } from '../../support/postgres.js'
import { startProxy, type TrailRecord } from '../../support/proxy.js'
import type { Script } from '../script.js'
import { type LogLine, LogReader, telling_settings } from './log-reader.js'
import { type Played, Player } from './player.js'
import { roles, schema } from './schema.js'
import { type TappedSession, Wiretap } from './wiretap.js'

/** A conversation to be played; `name` is its application_name and tells it from all others. */
export interface LiveCase {
  readonly name: string
  readonly script: Script
}

/** All that is known of one session, from all sides. */
export interface LiveRun extends LiveCase {
  readonly played: Played
  /** Undefined when the proxy did not connect to the server for it. */
  readonly tapped: TappedSession | undefined
  /** What the server's log has of it. */
  readonly log: readonly LogLine[]
  /** What the trail has of it. */
  readonly records: readonly TrailRecord[]
  /** Errors of the proxy's own log that name it. */
  readonly complaints: readonly string[]
}

const crash_message = /was terminated by signal \d+/
const poll_ms = 10
const patience_ms = 60_000
/** What may be left of other objects than those of the schema. */
const changes_objects = /CREATE|DROP|ALTER|GRANT|REVOKE|COMMENT|INTO|TRUNCATE/i

/** A real server, and the proxy before it, for as many conversations as wanted. */
export class Arena {
  readonly #postgres: ScratchPostgres
  readonly #log: LogReader
  readonly #admins: pg.Client[] = []
  /** How often the server itself crashed. */
  crashes = 0

  private constructor(postgres: ScratchPostgres) {
    this.#postgres = postgres
    this.#log = new LogReader(postgres)
  }

  /** `lanes` sessions run at the same time, each in a database of its own. */
  static async open(lanes: number): Promise<Arena> {
    const postgres = await startPostgres({
      // A session may wait for a lock of a transaction that it has prepared itself.
      settings: { ...telling_settings, max_prepared_transactions: '10', lock_timeout: '3s' },
      hba: ['host all all 127.0.0.1/32 trust'],
    })
    const arena = new Arena(postgres)
    try {
      const admin = await arena.#connect('postgres')
      await admin.query(roles)
      for (let lane = 0; lane < lanes; lane++) {
        await admin.query(`CREATE DATABASE lane${lane}`)
        const client = await arena.#connect(`lane${lane}`)
        await client.query(schema)
        arena.#admins.push(client)
      }
      await admin.end()
    } catch (error) {
      await arena.close()
      throw error
    }
    return arena
  }

  async close(): Promise<void> {
    for (const admin of this.#admins) await admin.end().catch(() => {})
    await this.#postgres.stop()
  }

  /**
   * Plays the cases through a proxy of their own, which is stopped at the end. A server that
   * crashes takes all its sessions along: then nothing can be compared, and nothing is given.
   */
  async play(cases: readonly LiveCase[]): Promise<LiveRun[]> {
    try {
      return await this.#play(cases)
    } catch (error) {
      if (!(await this.#recovered())) throw error
      this.crashes++
      return []
    } finally {
      this.#log.empty()
    }
  }

  /** True when the server had crashed, and is back. */
  async #recovered(): Promise<boolean> {
    const crashed = this.#log.lines().some(({ message }) => crash_message.test(message))
    if (!crashed) return false
    const deadline_ms = performance.now() + patience_ms
    for (const [lane, admin] of this.#admins.entries()) {
      await admin.end().catch(() => {})
      for (;;) {
        try {
          const client = await this.#connect(`lane${lane}`)
          await this.#refresh(client)
          this.#admins[lane] = client
          break
        } catch (error) {
          if (performance.now() > deadline_ms) throw error
          await delay(poll_ms)
        }
      }
    }
    return true
  }

  async #play(cases: readonly LiveCase[]): Promise<LiveRun[]> {
    const cuts = new Map(cases.map(({ name, script }) => [name, script.cut]))
    const tap = await Wiretap.open(this.#postgres.port, cuts)
    const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-fuzz-'))
    const own_log = join(scratch, 'server.log')
    try {
      const proxy = await startProxy(this.#postgres, {
        upstream: { host: '127.0.0.1', port: tap.port, tls: { mode: 'disable' } },
        server_log: { file: own_log },
        limits: { connections: 500 },
      })
      let played: ReadonlyMap<string, Played>
      let records: readonly TrailRecord[]
      try {
        played = await this.#playAll(proxy.port, cases)
      } finally {
        records = await proxy.finish()
      }
      const log = await this.#wholeLog(cases)
      return this.#assemble(cases, { tap, played, records, log, own_log })
    } finally {
      await tap.close()
      rmSync(scratch, { recursive: true, force: true })
    }
  }

  async #connect(database: string): Promise<pg.Client> {
    const { host, port } = this.#postgres
    const client = new pg.Client({ host, port, user: 'postgres', database })
    client.on('error', () => {})
    await client.connect()
    return client
  }

  async #playAll(port: number, cases: readonly LiveCase[]): Promise<ReadonlyMap<string, Played>> {
    const played = new Map<string, Played>()
    const left = [...cases]
    const lanes = this.#admins.map(async (admin, lane) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { name, script } = next
        const startup = { ...script.startup, database: `lane${lane}`, application_name: name }
        played.set(name, await Player.play(port, { ...script, startup }))
        await this.#tidy(admin, next)
      }
    })
    await Promise.all(lanes)
    return played
  }

  /** Waits until the session is gone, and puts everything back as the next one expects it. */
  async #tidy(admin: pg.Client, { name, script }: LiveCase): Promise<void> {
    const gone = 'SELECT 1 FROM pg_stat_activity WHERE application_name = $1'
    const deadline_ms = performance.now() + patience_ms
    while ((await admin.query(gone, [name])).rowCount !== 0) {
      if (performance.now() > deadline_ms) throw new Error(`session ${name} does not end`)
      await delay(poll_ms)
    }
    const sent = script.lines.map((line) =>
      line.kind === 'message' ? line.body : line.kind === 'raw' ? line.bytes : Buffer.alloc(0),
    )
    await this.#refresh(admin, changes_objects.test(Buffer.concat(sent).toString('latin1')))
  }

  /** The database as every session expects it; `anew` when objects may have changed. */
  async #refresh(admin: pg.Client, anew = true): Promise<void> {
    const parked = await admin.query(
      'SELECT gid FROM pg_prepared_xacts WHERE database = current_database()',
    )
    for (const { gid } of parked.rows) await admin.query(`ROLLBACK PREPARED '${gid}'`)
    if (anew) {
      await admin.query(
        `SET client_min_messages = error; DROP EVENT TRIGGER IF EXISTS defined;
         DROP SCHEMA IF EXISTS public, other, s0, s1, s2 CASCADE; CREATE SCHEMA public; ${schema}`,
      )
    } else {
      await admin.query(
        `TRUNCATE t, u, w, other.t RESTART IDENTITY; INSERT INTO t SELECT generate_series(1, 5);
         INSERT INTO w (words, d) VALUES ('one', 1), ('two', 2)`,
      )
    }
  }

  /** The log, once it has the end of every session that it has the beginning of. */
  async #wholeLog(cases: readonly LiveCase[]): Promise<LogLine[]> {
    const names = new Set(cases.map(({ name }) => name))
    const deadline_ms = performance.now() + patience_ms
    for (;;) {
      const lines = this.#log.lines()
      const begun = new Set<number>()
      for (const line of lines) if (names.has(line.application)) begun.add(line.pid)
      for (const line of lines)
        if (line.message.startsWith('disconnection: ')) begun.delete(line.pid)
      if (begun.size === 0 || performance.now() > deadline_ms) return lines
      await delay(poll_ms)
    }
  }

  #assemble(
    cases: readonly LiveCase[],
    seen: {
      readonly tap: Wiretap
      readonly played: ReadonlyMap<string, Played>
      readonly records: readonly TrailRecord[]
      readonly log: readonly LogLine[]
      readonly own_log: string
    },
  ): LiveRun[] {
    const pids = new Map(seen.log.map((line) => [line.pid, line.application]))
    for (const line of seen.log) if (line.application !== '') pids.set(line.pid, line.application)
    const sessions = new Map<unknown, string>()
    for (const { session } of seen.records) {
      const application = session?.['application']
      if (typeof application === 'string' && !sessions.has(session?.['id'])) {
        sessions.set(session?.['id'], application)
      }
    }
    const complaints = complaintsIn(seen.own_log)
    return cases.flatMap((each) => {
      const played = seen.played.get(each.name)
      if (played === undefined) return []
      return {
        ...each,
        played,
        tapped: seen.tap.sessions.get(each.name),
        log: seen.log.filter(({ pid }) => pids.get(pid) === each.name),
        records: seen.records.filter(({ session }) => sessions.get(session?.['id']) === each.name),
        complaints: complaints
          .filter(({ session }) => session === undefined || sessions.get(session) === each.name)
          .map(({ text }) => text),
      }
    })
  }
}

/** Errors in the proxy's own log, and the session that each names. */
function complaintsIn(path: string): { readonly session: unknown; readonly text: string }[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ line, read: JSON.parse(line) }))
    .filter(({ read }) => read.level >= 50 || read.level === 'error' || read.level === 'fatal')
    .map(({ line, read }) => ({ session: read.session, text: line }))
}
