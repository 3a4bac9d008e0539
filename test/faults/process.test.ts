import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EmbeddedServer, startEmbeddedServer } from '../../src/cli/embedded-server.js'
import { readTrail } from '../../src/trail/read-trail.js'
import { runToEnd, type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import type { TrailRecord } from '../support/proxy.js'

const password = 'only good here'
const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-process-'))
const running = new Set<SpawnedCli>()
let server: EmbeddedServer

beforeAll(async () => {
  server = await startEmbeddedServer({ password })
})

afterAll(async () => {
  for (const { process } of running) process.kill('SIGKILL')
  await server.stop()
  fs.rmSync(scratch, { recursive: true })
})

interface Proxy {
  readonly cli: SpawnedCli
  readonly port: number
}

function commandLine(directory: string, upstream_port = server.port): string[] {
  return [
    ...['run', '--listen', '127.0.0.1:0', '--audit-dir', directory],
    ...['--upstream', `postgres://127.0.0.1:${upstream_port}`],
  ]
}

async function start(
  directory: string,
  env: Record<string, string> = {},
  upstream_port?: number,
): Promise<Proxy> {
  const cli = spawnCli(commandLine(directory, upstream_port), env)
  running.add(cli)
  void cli.ended.then(() => running.delete(cli))
  const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
  return { cli, port: Number(port) }
}

async function connected(port: number): Promise<pg.Client> {
  const database = 'postgres'
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database })
  client.on('error', () => {
    // The end of the proxy is the end of the session; who waits for it listens as well.
  })
  await client.connect()
  return client
}

async function recordsIn(directory: string): Promise<(TrailRecord & { epoch: number })[]> {
  const records: (TrailRecord & { epoch: number })[] = []
  for await (const { line } of readTrail(directory)) records.push(JSON.parse(line))
  return records
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  holder.close()
  await once(holder, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function readyz(port: number): Promise<{ status: number; degraded: string[] }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`)
  const { degraded } = (await response.json()) as { degraded: string[] }
  // That the machine of the tests has little room left is no news here.
  return { status: response.status, degraded: degraded.filter((line) => !line.endsWith('% full')) }
}

test('kill -9 under load: the next start takes over, and nothing that was written is lost', async () => {
  const directory = join(scratch, 'killed')
  const { cli, port } = await start(directory)
  const clients = await Promise.all(Array.from({ length: 8 }, () => connected(port)))
  const answered = clients.map(() => 0)
  const work = clients.map(async (client, index) => {
    try {
      for (let n = 0; ; n++) {
        await client.query(`SELECT ${n} AS of_client_${index}`)
        answered[index] = n + 1
      }
    } catch {
      // The proxy was killed.
    }
  })
  // What the file shows is safe from a killed process, whatever comes.
  let shown = 0
  while (shown < 500) {
    await delay(20)
    shown = (await recordsIn(directory)).length
  }
  cli.process.kill('SIGKILL')
  await cli.ended
  await Promise.all(work)

  const [file = ''] = fs.readdirSync(directory).filter((name) => name.startsWith('audit-'))
  const whole = fs.readFileSync(join(directory, file))
  const kept = whole.subarray(0, whole.lastIndexOf('\n') + 1)
  fs.appendFileSync(join(directory, file), '{"v":1,"trail":"cut sho')
  const second = await start(directory)
  second.cli.process.kill('SIGTERM')
  expect(await second.cli.ended).toBe(0)

  const records = await recordsIn(directory)
  const first_epoch = records.filter(({ epoch }) => epoch === 1)
  expect(first_epoch.length).toBeGreaterThanOrEqual(shown)
  expect(first_epoch.map(({ seq }) => seq)).toEqual(first_epoch.map((_, index) => index + 1))
  // Of each session there is all up to some statement: what was lost is the end alone.
  for (const [index, count] of answered.entries()) {
    const texts = first_epoch.flatMap(({ statement }) => statement?.text ?? [])
    const own = texts.filter((text) => text.endsWith(`of_client_${index}`))
    expect(own).toEqual(own.map((_, n) => `SELECT ${n} AS of_client_${index}`))
    expect(own.length).toBeGreaterThan(0)
    expect(own.length).toBeLessThanOrEqual(count + 1)
  }
  const second_epoch = records.filter(({ epoch }) => epoch === 2)
  expect(second_epoch.map(({ command }) => command)).toEqual([
    ...['audit.start', 'audit.recovered', 'audit.stop', 'audit.seal'],
  ])
  const sha256 = createHash('sha256').update(kept).digest('hex')
  expect(second_epoch[0]?.detail?.['previous']).toEqual({ file, bytes: kept.length, sha256 })
  expect(second_epoch[1]?.detail).toMatchObject({ of: file, file: `${file}.torn` })
})

test('SIGTERM ends idle sessions at once, lets busy ones finish, and others run into drain', async () => {
  const directory = join(scratch, 'drained')
  const { cli, port } = await start(directory, { PGWITNESS_DRAIN: '2s' })
  const [idle, busy, endless] = await Promise.all([1, 2, 3].map(() => connected(port)))
  const idle_end = new Promise<unknown>((resolve) => idle?.once('error', resolve))
  const answer = busy?.query('SELECT pg_sleep(1)')
  const refusal = expect(endless?.query('SELECT pg_sleep(600)')).rejects.toThrow()
  // Both are with the server once it says so.
  const witness = await connected(server.port)
  for (let count = 0; count < 2; ) {
    const text =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND state = 'active'"
    count = (await witness.query<{ n: number }>(text)).rows[0]?.n ?? 0
  }
  await witness.end()
  cli.process.kill('SIGTERM')
  expect(await idle_end).toMatchObject({ code: '57P01' })
  expect(await answer).toMatchObject({ rowCount: 1 })
  await refusal
  expect(await cli.ended).toBe(0)
  const records = await recordsIn(directory)
  const sleeps = records.filter(({ statement }) => statement?.text.includes('pg_sleep'))
  const outcomes = sleeps.filter((record) => record['phase'] !== 'start')
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['success', 'unknown'])
  expect(records.filter(({ command }) => command === 'disconnection')).toHaveLength(3)
  expect(records.at(-2)).toMatchObject({ command: 'audit.stop', detail: { reason: 'SIGTERM' } })
})

test('a server that is down at the start is waited for, and /readyz says so', async () => {
  const directory = join(scratch, 'late')
  const [upstream_port, admin_port] = [await freePort(), await freePort()]
  const env = { PGWITNESS_ADMIN_PORT: `${admin_port}` }
  const { cli, port } = await start(directory, env, upstream_port)
  await expect(connected(port)).rejects.toMatchObject({ code: '08001' })
  expect(await readyz(admin_port)).toMatchObject({ status: 503 })
  const late = await startEmbeddedServer({ password, port: upstream_port })
  try {
    expect(await readyz(admin_port)).toEqual({ status: 200, degraded: [] })
    const client = await connected(port)
    await client.query('SELECT 1')
    await client.end()
  } finally {
    await late.stop()
  }
  const gone = await readyz(admin_port)
  expect(gone.status).toBe(503)
  expect(gone.degraded.join()).toContain('the server cannot be reached')
  cli.process.kill('SIGTERM')
  expect(await cli.ended).toBe(0)
  const system = (await recordsIn(directory)).filter((record) => record.class === 'SYSTEM')
  expect(system.map(({ command }) => command)).toEqual(['server unreachable', 'server reachable'])
})

test('a second instance on the directory is refused, and does not disturb the first', async () => {
  const directory = join(scratch, 'locked')
  const { cli, port } = await start(directory)
  const { status, stderr } = await runToEnd(commandLine(directory))
  expect(status).toBe(1)
  expect(stderr).toMatch(/^pgwitness: trail\.locked: .*\n {2}hint: /)
  const client = await connected(port)
  await client.query('SELECT 1')
  await client.end()
  cli.process.kill('SIGTERM')
  expect(await cli.ended).toBe(0)
  const records = await recordsIn(directory)
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
  expect(new Set(records.map(({ epoch }) => epoch))).toEqual(new Set([1]))
})

test('a reader of stderr that has gone is no reason to end', async () => {
  const directory = join(scratch, 'unread')
  const { cli, port } = await start(directory, { PGWITNESS_SERVER_LOG_LEVEL: 'trace' })
  cli.process.stderr.destroy()
  cli.process.kill('SIGHUP')
  const client = await connected(port)
  await client.query('SELECT 1')
  await client.end()
  cli.process.kill('SIGTERM')
  expect(await cli.ended).toBe(0)
  expect((await recordsIn(directory)).at(-2)).toMatchObject({ command: 'audit.stop' })
})

test('when neither file nor log takes records who asks is refused, until one of them does', async () => {
  const directory = join(scratch, 'nowhere')
  const admin_port = await freePort()
  const { cli, port } = await start(directory, {
    PGWITNESS_ADMIN_PORT: `${admin_port}`,
    PGWITNESS_AUDIT_STUCK_TIMEOUT: '500ms',
  })
  const [client, patient] = await Promise.all([connected(port), connected(port)])
  await client.query("SELECT 'before'")
  while (!(await recordsIn(directory)).some(({ statement }) => statement !== undefined)) {
    await delay(20)
  }
  fs.renameSync(directory, `${directory}.before`)
  fs.writeFileSync(directory, '')
  // A pipe whose reader stands still takes what its buffer holds, and then nothing.
  cli.process.stderr.pause()
  let sent = 0
  const work = (async () => {
    for (;;) {
      await client.query(`SELECT ${sent}, '${'x'.repeat(500)}'`)
      sent++
    }
  })()
  await expect(work).rejects.toMatchObject({ code: '58030' })
  await expect(connected(port)).rejects.toMatchObject({ code: '57P03' })
  const { status, degraded } = await readyz(admin_port)
  expect({ status, words: degraded.join() }).toMatchObject({
    status: 503,
    words: expect.stringContaining('records can be written nowhere'),
  })

  fs.rmSync(directory)
  while ((await readyz(admin_port)).status !== 200) await delay(50)
  expect((await patient.query("SELECT 'served again'")).rowCount).toBe(1)
  await patient.end()
  cli.process.stderr.resume()
  cli.process.kill('SIGTERM')
  expect(await cli.ended).toBe(0)
  const diverted = cli.stderr.split('\n').flatMap((line) => {
    const match = /^\{"level":50,"time":\d+,"code":"audit\.fallback","record":(.*)\}$/.exec(line)
    return match?.[1] === undefined ? [] : [JSON.parse(match[1]) as TrailRecord]
  })
  const before = await recordsIn(`${directory}.before`)
  const records = [...before, ...diverted, ...(await recordsIn(directory))]
  const numbers = new Set(records.map(({ seq }) => seq))
  expect(numbers.size).toBe(Math.max(...numbers))
  const texts = new Set(records.map(({ statement }) => statement?.text.split(',')[0]))
  for (let n = 0; n < sent; n++) expect(texts).toContain(`SELECT ${n}`)
  expect(texts).toContain("SELECT 'served again'")
})
