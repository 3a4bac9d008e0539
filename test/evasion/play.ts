import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { query, terminate } from '../support/messages.js'
import type { ScratchPostgres } from '../support/postgres.js'
import type { ProxyUnderTest } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'
import { furniture, type Step, type Trick } from './trick.js'

/** What came of a trick. */
export interface Played {
  /** All that the client was told, as latin1. */
  readonly answers: string
  /** First values of the effect's queries. */
  readonly effects: readonly (string | null)[]
}

const ready = 'Z\0\0\0\x05'
const patience_ms = 60_000
const pause_ms = 5
const tail_bytes = 256 * 1024
const template = 'furnished'

/**
 * A server for tricks, each in a database of its own, and the proxy before it. What is said to the
 * server itself goes past the proxy.
 */
export class Stage {
  readonly #postgres: ScratchPostgres
  readonly #proxy: ProxyUnderTest
  readonly #admin: pg.Client
  readonly #wait_for_names: boolean

  /** Furnishes the server. `wait_for_names` needs a trail in JSON. */
  static async prepare(
    postgres: ScratchPostgres,
    proxy: ProxyUnderTest,
    wait_for_names: boolean,
  ): Promise<Stage> {
    const admin = await connect(postgres, 'postgres')
    await admin.query(`CREATE DATABASE ${template}`)
    await onServer(postgres, template, furniture)
    return new Stage(postgres, proxy, admin, wait_for_names)
  }

  private constructor(
    postgres: ScratchPostgres,
    proxy: ProxyUnderTest,
    admin: pg.Client,
    wait_for_names: boolean,
  ) {
    this.#postgres = postgres
    this.#proxy = proxy
    this.#admin = admin
    this.#wait_for_names = wait_for_names
  }

  /** Sends a trick's steps through the proxy, then looks at the server. */
  async play(trick: Trick, database: string): Promise<Played> {
    await this.#admin.query(`CREATE DATABASE ${database} TEMPLATE ${template}`)
    if (trick.setup !== undefined) await onServer(this.#postgres, database, trick.setup)
    if (this.#wait_for_names) await this.#namesKnown(database)
    const raw = await RawClient.connect(this.#proxy.port)
    raw.send(startupPacket({ user: 'postgres', database, ...trick.startup }))
    await heard(raw, () => count(raw, ready) >= 1)
    let answered = 1
    for (const step of trick.sends) {
      if (raw.socket.closed) break
      const whole = typeof step === 'string' ? { send: [query(step)] } : step
      answered += await take(whole, raw, answered)
    }
    if (raw.socket.writable) raw.send(terminate())
    await heard(raw, () => false)
    await this.#sessionsOver(database)
    const queries = trick.effect.map(([text]) => text)
    return { answers: raw.text, effects: await onServer(this.#postgres, database, queries) }
  }

  async leave(): Promise<void> {
    await this.#admin.end()
  }

  /** So that names are certain and not a matter of who is faster. */
  async #namesKnown(database: string): Promise<void> {
    const port = this.#proxy.port
    const probe = await connect(this.#postgres, database, { port, application_name: 'probe' })
    const known = (line: string) =>
      line.includes(`${database}_probe`) && line.includes('"resolved":"catalog"')
    const text = `/* ${database}_probe */ SELECT FROM secret.account`
    for (;;) {
      await probe.query(text)
      if ((await newestLines(this.#proxy)).some(known)) break
      await delay(pause_ms)
    }
    await probe.end()
  }

  /** The backend has ended, and with it what it had not committed. */
  async #sessionsOver(database: string): Promise<void> {
    const others = `SELECT FROM pg_stat_activity WHERE datname = '${database}'
      AND application_name NOT IN ('pgwitness catalog', 'probe')`
    while ((await this.#admin.query(others)).rowCount !== 0) await delay(pause_ms)
  }
}

async function connect(
  postgres: ScratchPostgres,
  database: string,
  options: pg.ClientConfig = {},
): Promise<pg.Client> {
  const client = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: postgres.superuser,
    database,
    types: { getTypeParser: () => (value: string) => value },
    ...options,
  })
  await client.connect()
  return client
}

/** Runs statements on the server itself; gives the first value of each. */
async function onServer(
  postgres: ScratchPostgres,
  database: string,
  statements: readonly string[],
): Promise<(string | null)[]> {
  const client = await connect(postgres, database)
  try {
    const values: (string | null)[] = []
    for (const text of statements) {
      const { rows } = await client.query({ text, rowMode: 'array' })
      values.push(rows?.[0]?.[0] ?? null)
    }
    return values
  } finally {
    await client.end()
  }
}

async function take(step: Step, raw: RawClient, answered: number): Promise<number> {
  const heard_before = raw.text.length
  raw.send(...step.send)
  const { until, leaves } = step
  if (until !== undefined) {
    await heard(raw, () => raw.text.includes(until, heard_before))
    return 0
  }
  const wanted = step.ready ?? 1
  await heard(raw, () => count(raw, ready) >= answered + wanted)
  if (leaves === 'half') raw.socket.end()
  return wanted
}

/** Waits for words of the server or the end of the connection, but not for ever. */
async function heard(raw: RawClient, done: () => boolean): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      raw.end()
      reject(new Error(`the server was silent after: ${JSON.stringify(raw.text.slice(-500))}`))
    }, patience_ms)
  })
  await Promise.race([raw.until(done), late]).finally(() => clearTimeout(timer))
}

function count(raw: RawClient, words: string): number {
  return raw.text.split(words).length - 1
}

/** The end of the newest file: reading it all again and again would take most of the time. */
async function newestLines(proxy: ProxyUnderTest): Promise<string[]> {
  await proxy.app.trail.flush()
  const file = await open(join(proxy.directory, 'current'))
  try {
    const { size } = await file.stat()
    const tail = Buffer.alloc(Math.min(size, tail_bytes))
    await file.read(tail, 0, tail.length, size - tail.length)
    return tail.toString().split('\n')
  } finally {
    await file.close()
  }
}
