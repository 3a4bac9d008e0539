import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditFiles } from '../../src/trail/file-name.js'
import { type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type Random, randomOf } from '../support/random.js'
import { verifyDirectory } from '../trail/tampering/sealed-trail.js'
import { load_schema, RecordedIds, type Seen, work } from './kill-load.js'

/**
 * Real processes, killed at random moments under load, and what the trail has of what clients have
 * seen. `npm run test:kills` does so hundreds of times; `PGWITNESS_KILLS` says how often,
 * `PGWITNESS_SEEDS` where the random moments begin.
 */

const kills = Number(process.env['PGWITNESS_KILLS'] ?? 3)
const seed = Number(process.env['PGWITNESS_SEEDS'] ?? Date.now() % 1_000_000)
const client_count = 8
const a_minute_ms = 60_000

const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-killed-'))
const running = new Set<SpawnedCli>()
let postgres: ScratchPostgres
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres()
  admin = new pg.Client({ ...connection(postgres.port), application_name: 'admin' })
  await admin.connect()
  await admin.query(load_schema)
})

afterAll(async () => {
  for (const { process } of running) process.kill('SIGKILL')
  await admin.end()
  await postgres.stop()
  fs.rmSync(scratch, { recursive: true })
})

function connection(port: number): pg.ClientConfig {
  const { superuser: user, password } = postgres
  return { host: '127.0.0.1', port, user, password, database: 'postgres', application_name: 'load' }
}

async function start(directory: string, env: Readonly<Record<string, string>>) {
  const upstream = `postgres://127.0.0.1:${postgres.port}`
  const cli = spawnCli(
    ['run', '--listen', '127.0.0.1:0', '--audit-dir', directory, '--upstream', upstream],
    env,
  )
  running.add(cli)
  void cli.ended.then(() => running.delete(cli))
  const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
  return { cli, port: Number(port) }
}

/** Lets clients work; `saw` is told of all that they see. Resolves when all have lost their session. */
async function load(
  port: number,
  round: number,
  random: Random,
  saw: (seen: Seen) => void,
): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: client_count }, async () => {
      const client = new pg.Client(connection(port))
      client.on('error', () => {})
      await client.connect()
      return client
    }),
  )
  await Promise.all(clients.map((client, n) => work(client, `k${round}_${n}`, random, saw)))
}

/** What the table has of a round, once the server has no session of it any more. */
async function tableOf(round: number): Promise<string[]> {
  const sessions = "SELECT FROM pg_stat_activity WHERE application_name = 'load'"
  while ((await admin.query(sessions)).rowCount !== 0) await delay(20)
  const { rows } = await admin.query<{ id: string }>('SELECT id FROM kept WHERE id LIKE $1', [
    `k${round}\\_%`,
  ])
  return rows.map(({ id }) => id)
}

describe('kill -9 under load', () => {
  it(
    `with ack loses nothing that a client has seen (seed ${seed})`,
    async () => {
      const directory = join(scratch, 'ack')
      const env = { PGWITNESS_AUDIT_DURABILITY: 'ack' }
      const random = randomOf(seed)
      const known = new Set<string>()
      let seen_in_all = 0
      for (let round = 1; round <= kills; round++) {
        const { cli, port } = await start(directory, env)
        const enough = 20 + random(400)
        const seen: Seen[] = []
        await load(port, round, random, (one) => {
          seen.push(one)
          if (seen.length === enough) cli.process.kill('SIGKILL')
        })
        await cli.ended
        const files = auditFiles(fs.readdirSync(directory)).map(({ name }) => name)
        const recorded = new RecordedIds(
          directory,
          files.filter((name) => !known.has(name)),
        )
        for (const name of files) known.add(name)
        expect(seen.filter((one) => !recorded.has(one))).toEqual([])
        // What was committed and is not in the trail was in flight: at most one statement a client.
        const table = await tableOf(round)
        const unseen = table.filter((id) => !recorded.has({ id, as: 'commit' }))
        const told = new Set(seen.map(({ id }) => id))
        expect(unseen.filter((id) => told.has(id))).toEqual([])
        const in_flight = new Set(unseen.map((id) => id.replace('b', '')))
        expect(in_flight.size).toBe(new Set(unseen.map((id) => id.split('_')[1])).size)
        const stored = new Set(table)
        const commits = seen.filter(({ as }) => as === 'commit' || as === 'block')
        expect(commits.filter(({ id }) => !stored.has(id))).toEqual([])
        seen_in_all += seen.length
      }
      const { cli } = await start(directory, env)
      cli.process.kill('SIGTERM')
      expect(await cli.ended).toBe(0)
      const { findings } = await verifyDirectory(directory, { unsigned: true })
      expect(findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
      console.log(`${kills} kills, ${seen_in_all} answers seen, all of them in the trail`)
    },
    60_000 + kills * 20_000,
  )

  it(
    'with async loses no more than its window, and tells of what has run for long',
    async () => {
      const directory = join(scratch, 'async')
      // What the machine may make of an interval of 50 ms, busy as it is; a defect loses everything.
      const slack_ms = 5_000
      const { cli, port } = await start(directory, { PGWITNESS_AUDIT_START_AFTER: '1s' })
      const long = new pg.Client(connection(port))
      long.on('error', () => {})
      await long.connect()
      const asleep = long.query("SELECT pg_sleep(600), 'k0_0_0'").catch(() => {})
      const seen: Seen[] = []
      let end_ms = Number.POSITIVE_INFINITY
      await load(port, 100_000, randomOf(seed), (one) => {
        seen.push(one)
        if (seen.length === 200) end_ms = one.at_ms + slack_ms
        if (one.at_ms >= end_ms) cli.process.kill('SIGKILL')
      })
      const killed_ms = seen.at(-1)?.at_ms ?? 0
      await cli.ended
      await asleep
      const files = auditFiles(fs.readdirSync(directory)).map(({ name }) => name)
      const recorded = new RecordedIds(directory, files)
      const lost = seen.filter((one) => !recorded.has(one))
      const oldest_ms = killed_ms - Math.min(killed_ms, ...lost.map(({ at_ms }) => at_ms))
      expect(oldest_ms).toBeLessThan(slack_ms)
      expect(recorded.has({ id: 'k0_0_0', as: 'row' })).toBe(true)
      console.log(
        `${seen.length} answers seen, ${lost.length} lost; the oldest ${oldest_ms} ms before the kill`,
      )
      // Its server has not noticed that nobody waits for it.
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'k0_0_0' AND pid <> pg_backend_pid()",
      )
    },
    3 * a_minute_ms,
  )
})
