import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import { Gate, startGated } from '../support/gated-proxy.js'
import { copyData, copyDone, query } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

/** Answers that wait for their records, on a real server. */

const ready = 'Z\0\0\0\x05I'
const login = startupPacket({ user: 'postgres', database: 'postgres', application_name: 'leg' })
const lost = /SFATAL\0VFATAL\0C08007\0M[^\0]+\0H[^\0]+\0\0$/

let postgres: ScratchPostgres
let admin: pg.Client

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
  const { host, port } = postgres
  admin = new pg.Client({ host, port, user: 'postgres', database: 'postgres' })
  await admin.connect()
})

afterAll(async () => {
  await admin.end()
  await postgres.stop()
})

beforeEach(() => admin.query('DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int)'))

async function rowsKept(): Promise<number> {
  return (await admin.query('SELECT n FROM kept')).rowCount ?? 0
}

describe('while the trail is not as far', () => {
  let gate: Gate
  let proxy: Awaited<ReturnType<typeof startGated>>

  beforeEach(async () => {
    gate = new Gate()
    proxy = await startGated(postgres, gate, { audit: { durability: 'ack' } })
  })

  afterEach(async () => {
    gate.keep()
    await proxy.stop()
  })

  async function loggedIn(): Promise<RawClient> {
    const raw = await RawClient.connect(proxy.port)
    raw.send(login)
    await raw.until((text) => text.includes(ready))
    return raw
  }

  const awaited = () => expect.poll(() => gate.awaited, { timeout: 20_000 }).toBe(true)

  it('the answer to what is committed is not told, and told when it is', async () => {
    const raw = await loggedIn()
    const before = raw.text
    gate.keepNone()
    raw.send(query('INSERT INTO kept VALUES (1)'))
    await awaited()
    expect(await rowsKept()).toBe(1)
    expect(raw.text).toBe(before)
    gate.keep()
    expect(
      await raw.until((text) => text.length > before.length && text.endsWith(ready)),
    ).toContain('INSERT 0 1')
    raw.end()
  })

  it('an answer whose record can be kept nowhere ends the session with 08007', async () => {
    const raw = await loggedIn()
    const before = raw.text
    gate.keepNone()
    raw.send(query('INSERT INTO kept VALUES (1)'))
    await awaited()
    gate.fail('refuse')
    expect((await raw.closed()).slice(before.length)).toMatch(lost)
    expect(await rowsKept()).toBe(1)
    const ends = () => gate.records.filter(({ command }) => command === 'disconnection')
    await expect.poll(ends, { timeout: 20_000 }).toMatchObject([{ sqlstate: '08007' }])
    gate.fail(undefined)
  })

  it.each([
    ['that comes later', []],
    ['behind which something else was asked', [query('SELECT 2')]],
  ])('so does one %s', async (_name, asked_then) => {
    const raw = await loggedIn()
    const before = raw.text.length
    gate.keepNone()
    await admin.query('SELECT pg_advisory_lock(7)')
    raw.send(query('INSERT INTO kept SELECT 1 FROM pg_advisory_lock(7)'))
    const waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    await expect.poll(async () => (await admin.query(waits)).rowCount, { timeout: 20_000 }).toBe(1)
    gate.fail('refuse')
    raw.send(...asked_then)
    await admin.query('SELECT pg_advisory_unlock(7)')
    expect((await raw.closed()).slice(before)).toMatch(lost)
    expect(await rowsKept()).toBe(1)
    gate.fail(undefined)
  })

  it('a long answer fills no memory, and comes whole', async () => {
    const raw = await loggedIn()
    let received = 0
    let last: Buffer = Buffer.alloc(0)
    raw.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
      received += chunk.length
      last = chunk
    })
    gate.keepNone()
    const rows = 40_000
    raw.send(query(`SELECT repeat('x', 500) FROM generate_series(1, ${rows})`))
    await awaited()
    // The server is stopped by what it could not send.
    const text =
      "SELECT FROM pg_stat_activity WHERE application_name = 'leg' AND wait_event = 'ClientWrite'"
    await expect.poll(async () => (await admin.query(text)).rowCount, { timeout: 20_000 }).toBe(1)
    expect(received).toBeLessThan(limits.held_answer_bytes)
    expect(gate.records.at(-1)).toMatchObject({ phase: 'start' })
    gate.keep()
    const isOver = () => last.toString('latin1').endsWith(ready)
    await expect.poll(isOver, { timeout: 60_000 }).toBe(true)
    expect(received).toBeGreaterThan(rows * 500)
    raw.end()
  })

  it('a COPY goes on both ways', async () => {
    const raw = await loggedIn()
    gate.keepNone()
    raw.send(query('SELECT 1; COPY kept FROM STDIN'))
    const lines = Buffer.from('1\n'.repeat(5_000))
    for (let n = 0; n < 50; n++) raw.send(copyData(lines))
    raw.send(copyDone())
    // The server has all of it while the client still waits for the first row.
    await expect.poll(rowsKept, { timeout: 60_000 }).toBe(250_000)
    expect(raw.text).not.toContain('COPY 250000')
    gate.keep()
    expect(await raw.until((text) => text.includes('COPY 250000'))).toMatch(
      /SELECT 1\0.*COPY 250000\0/s,
    )
    raw.end()
  })

  it('what a server says before it closes comes whole, and then the end', async () => {
    const raw = await loggedIn()
    const before = raw.text.length
    gate.keepNone()
    raw.send(query('BEGIN; INSERT INTO kept VALUES (1); SELECT 7 AS seven'))
    await awaited()
    await admin.query(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'leg'",
    )
    const told = () => gate.records.map(({ command }) => command)
    await expect.poll(told, { timeout: 20_000 }).toContain('transaction end')
    expect(raw.text.slice(before)).not.toContain('SELECT 1')
    gate.keep()
    const text = (await raw.closed()).slice(before)
    expect(text).toMatch(/SELECT 1\0Z\0\0\0\x05TE.*C57P01\0.*\0\0$/s)
  })

  it('the end of the process waits for a session with an answer on its way', async () => {
    const raw = await loggedIn()
    const before = raw.text.length
    gate.keepNone()
    raw.send(query('INSERT INTO kept VALUES (1)'))
    await awaited()
    const closed = proxy.listener.close(60_000)
    gate.keep()
    expect((await raw.closed()).slice(before)).toMatch(/^C.*INSERT 0 1\0Z\0\0\0\x05IE.*C57P01/s)
    await closed
  })

  it('a client that has gone leaves nothing that waits for ever', async () => {
    const raw = await loggedIn()
    gate.keepNone()
    raw.send(query('INSERT INTO kept VALUES (1)'))
    await awaited()
    raw.socket.resetAndDestroy()
    const ends = () => gate.records.filter(({ command }) => command === 'disconnection')
    await expect.poll(ends, { timeout: 20_000 }).toHaveLength(1)
  })
})

/** Where `audit.durability: ack` meets the disk: processes whose fsync is slow, or watched. */
describe('a process', () => {
  const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-answers-'))
  const slow = join(scratch, 'slow')
  const hook = join(scratch, 'slow-fsync.mjs')
  const running = new Set<SpawnedCli>()

  beforeAll(() => {
    // Loaded into each thread: while the file is there, no fsync returns.
    fs.writeFileSync(
      hook,
      `import fs from 'node:fs'
       const { fsyncSync } = fs
       const nap = new Int32Array(new SharedArrayBuffer(4))
       fs.fsyncSync = (fd) => {
         while (fs.existsSync(${JSON.stringify(slow)})) Atomics.wait(nap, 0, 0, 5)
         fsyncSync(fd)
       }`,
    )
  })

  afterAll(() => {
    for (const { process } of running) process.kill('SIGKILL')
    fs.rmSync(scratch, { recursive: true })
  })

  const commandLine = (directory: string) => [
    ...['run', '--listen', '127.0.0.1:0', '--audit-dir', directory],
    ...['--upstream', `postgres://127.0.0.1:${postgres.port}`],
  ]

  async function portOf(cli: SpawnedCli): Promise<number> {
    running.add(cli)
    void cli.ended.then(() => running.delete(cli))
    const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
    return Number(port)
  }

  async function connected(port: number): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
    })
    client.on('error', () => {})
    await client.connect()
    return client
  }

  it('tells of no commit before its fsync is over', async () => {
    const cli = spawnCli(commandLine(join(scratch, 'slowed')), {
      PGWITNESS_AUDIT_DURABILITY: 'ack',
      NODE_OPTIONS: `--import=file://${hook}`,
    })
    const port = await portOf(cli)
    const clients = await Promise.all([connected(port), connected(port)])
    for (let round = 1; round <= 5; round++) {
      fs.writeFileSync(slow, '')
      let told = 0
      const answers = clients.map(async (client) => {
        await client.query('INSERT INTO kept VALUES (1)')
        told++
      })
      await expect.poll(rowsKept, { timeout: 20_000 }).toBe(round * clients.length)
      expect(told).toBe(0)
      fs.rmSync(slow)
      await Promise.all(answers)
    }
    for (const client of clients) await client.end()
    cli.process.kill('SIGTERM')
    expect(await cli.ended).toBe(0)
  })

  it.skipIf(!canTrace())('syncs what it has written before it answers (needs strace)', async () => {
    const directory = join(scratch, 'traced')
    const trace = join(scratch, 'trace')
    const traced = ['-D', '-f', '-y', '-s', '8192', '-o', trace, '-e', 'trace=write,writev,fsync']
    const cli = spawnCli(commandLine(directory), { PGWITNESS_AUDIT_DURABILITY: 'ack' }, [
      'strace',
      ...traced,
    ])
    const port = await portOf(cli)
    const clients = await Promise.all([1, 2, 3].map(() => connected(port)))
    await Promise.all(
      clients.map(async (client, n) => {
        for (let count = 0; count < 30; count++) await client.query(`SELECT 'seen_${n}_${count}_'`)
        await client.end()
      }),
    )
    cli.process.kill('SIGTERM')
    await cli.ended
    const traceOf = () => fs.readFileSync(trace, 'utf8')
    const end = new RegExp(`^${cli.process.pid} .*exited with 0`, 'm')
    await expect.poll(traceOf, { timeout: 20_000 }).toMatch(end)
    const order = orderOf(traceOf())
    expect(order.answered.size).toBe(90)
    for (const [id, answered] of order.answered) {
      const safe = order.synced.get(id) ?? Number.POSITIVE_INFINITY
      expect(safe, `${id} was answered before its record was safe`).toBeLessThan(answered)
    }
  })
})

function canTrace(): boolean {
  return spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
}

/** In which order of system calls each id was safe, and seen by its client. */
function orderOf(trace: string) {
  const synced = new Map<string, number>()
  const answered = new Map<string, number>()
  /** Written to the audit file and not synced yet. */
  let waiting: string[] = []
  const syncing = new Map<string, string[]>()
  for (const [index, line] of trace.split('\n').entries()) {
    const thread = line.split(' ')[0] ?? ''
    const ids = line.match(/seen_\d+_\d+_/g) ?? []
    if (/\bwritev?\(\d+<[^>]*\/audit-/.test(line)) waiting.push(...ids)
    else if (/\bfsync\(\d+<[^>]*\/audit-/.test(line)) {
      const covered = waiting
      waiting = []
      if (line.endsWith('= 0')) for (const id of covered) synced.set(id, index)
      else syncing.set(thread, covered)
    } else if (/<\.\.\. fsync resumed>.*= 0$/.test(line)) {
      for (const id of syncing.get(thread) ?? []) synced.set(id, index)
      syncing.delete(thread)
    } else if (/\bwritev?\(\d+<(TCP|socket)/.test(line) && line.includes('SELECT 1\\0')) {
      for (const id of ids) answered.set(id, index)
    }
  }
  return { synced, answered }
}
