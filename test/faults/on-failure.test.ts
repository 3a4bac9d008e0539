import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { detail_schemas } from '../../src/record/detail.js'
import { type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import { mountTmpfs, type ScratchFileSystem, tmpfs_works } from '../support/file-systems.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'
import { verifyDirectory } from '../trail/tampering/sealed-trail.js'

/** The audit directory and the server log on one file system, which is full. */

const patience = { timeout: 30_000 }

let postgres: ScratchPostgres
let disk: ScratchFileSystem

describe.skipIf(!tmpfs_works)('when nothing can be written (skips without tmpfs)', () => {
  beforeAll(async () => {
    postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
  })

  afterAll(async () => {
    await postgres.stop()
  })

  beforeEach(() => {
    disk = mountTmpfs('1m')
  })

  afterEach(() => disk.unmount())

  function settings(audit: Readonly<Record<string, unknown>> = {}) {
    return {
      catalog: undefined,
      audit: { directory: join(disk.path, 'audit'), ...audit },
      server_log: { level: 'error', file: join(disk.path, 'log', 'server.log') },
      admin: { port: 0 },
    }
  }

  async function failed(proxy: ProxyUnderTest): Promise<void> {
    disk.fill()
    const client = await proxy.client()
    // Each statement is a record: at last one finds no place.
    for (let n = 0; proxy.app.trail.state.mode !== 'failed'; n++) {
      await client.query(`SELECT ${n}`).catch(() => {})
      if (client.connection.stream.destroyed) break
    }
    await expect.poll(() => proxy.app.trail.state.mode, patience).toBe('failed')
    await client.end().catch(() => {})
  }

  async function health(proxy: ProxyUnderTest) {
    const response = await fetch(`http://127.0.0.1:${proxy.app.admin_port}/readyz`)
    const { degraded } = (await response.json()) as { degraded: string[] }
    return { status: response.status, words: degraded.join('\n') }
  }

  async function metric(proxy: ProxyUnderTest, name: string): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${proxy.app.admin_port}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
  }

  it('refuse ends who asks, and serves again by itself when there is room', async () => {
    const proxy = await startProxy(postgres, settings())
    const [asking, idle] = [await proxy.client(), await proxy.client()]
    await asking.query('CREATE TABLE refused (n int)')
    await asking.query('BEGIN')
    await asking.query('INSERT INTO refused VALUES (1)')
    await failed(proxy)
    await expect(asking.query('COMMIT')).rejects.toMatchObject({ code: '58030', severity: 'FATAL' })
    await expect(proxy.client()).rejects.toMatchObject({ code: '57P03' })
    const told = await health(proxy)
    expect(told).toMatchObject({ status: 503 })
    expect(told.words).toContain('records can be written nowhere: nothing is served')

    disk.empty()
    await expect.poll(() => proxy.app.trail.failing, patience).toBeUndefined()
    expect((await idle.query('SELECT n FROM refused')).rows).toEqual([])
    await expect.poll(async () => (await health(proxy)).status, patience).toBe(200)
    await idle.query("SELECT 'served again'")
    const records = await everything(proxy)
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
    expect(records.find(({ sqlstate }) => sqlstate === '58030')).toMatchObject({
      command: 'disconnection',
      outcome: 'failure',
    })
    expect(records.find(({ sqlstate }) => sqlstate === '57P03')?.command).toBe('connection refused')
    expect(records.some(({ statement }) => statement?.text === 'COMMIT')).toBe(false)
    expect(records.some(({ statement }) => statement?.text === "SELECT 'served again'")).toBe(true)
  })

  it('continue lets statements pass, counts what is not kept, and brackets it', async () => {
    const more = {
      on_failure: 'continue',
      accept_unaudited: true,
      queue: '1MiB',
      flush: { size: '64KiB' },
    }
    const proxy = await startProxy(postgres, settings(more))
    const client = await proxy.client()
    await client.query("SELECT 'before'")
    await failed(proxy)
    const padding = 'x'.repeat(10_000)
    let sent = 0
    while (proxy.app.trail.state.lost_records < 50) {
      const { rows } = await client.query(`SELECT ${sent++} AS n, '${padding}'`)
      expect(rows[0]).toMatchObject({ n: sent - 1 })
    }
    expect(await health(proxy)).toMatchObject({
      status: 200,
      words: expect.stringMatching(/statements pass without.*\n\d+ records were kept nowhere/s),
    })
    expect(await metric(proxy, 'pgwitness_lost_records_total')).toBeGreaterThanOrEqual(50)

    disk.remount('size=64m')
    disk.empty()
    await expect.poll(() => proxy.app.trail.state.mode, patience).toBe('file')
    await client.query("SELECT 'after'")
    const records = await everything(proxy)
    const { lost_records } = proxy.app.trail.state
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
    const gaps = records.filter(({ command }) => command === 'audit.gap')
    expect(gaps).toHaveLength(1)
    const gap = detail_schemas['audit.gap'].parse(gaps[0]?.detail)
    expect(gap.records).toBe(lost_records)
    expect(gap.from <= gap.to).toBe(true)
    const told = await verifyDirectory(proxy.directory, { unsigned: true })
    expect(told.findings.join('\n')).toContain(`${gap.records} records from ${gap.from}`)
    expect(told.verdict).toBe(2)
    // What was kept is whole up to the gap; what was lost is what the gap counts.
    const kept = records.flatMap(({ statement }) => {
      const match = /^SELECT (\d+) AS n/.exec(statement?.text ?? '')
      return match === null ? [] : [Number(match[1])]
    })
    expect(kept).toEqual(kept.map((_, index) => index))
    expect(sent - kept.length).toBe(gap.records)
    const [at, after] = [
      gaps[0],
      records.find(({ statement }) => statement?.text === "SELECT 'after'"),
    ]
    expect(after?.seq).toBeGreaterThan(at?.seq ?? Number.POSITIVE_INFINITY)
  })

  it('continue lets answers pass that would wait for their records (ack)', async () => {
    const more = {
      durability: 'ack',
      on_failure: 'continue',
      accept_unaudited: true,
      queue: '1MiB',
      flush: { size: '64KiB' },
    }
    const proxy = await startProxy(postgres, settings(more))
    const client = await proxy.client()
    await client.query("SELECT 'before'")
    disk.fill()
    const padding = 'x'.repeat(10_000)
    for (let n = 0; proxy.app.trail.state.lost_records < 5; n++) {
      const { rows } = await client.query(`SELECT ${n} AS n, '${padding}'`)
      expect(rows[0]).toMatchObject({ n })
    }
    disk.remount('size=64m')
    disk.empty()
    await expect.poll(() => proxy.app.trail.state.mode, patience).toBe('file')
    await client.query("SELECT 'after'")
    const records = await everything(proxy)
    const gap = records.find(({ command }) => command === 'audit.gap')
    expect(gap?.detail?.['records']).toBe(proxy.app.trail.state.lost_records)
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
  })

  it('shutdown tells the sessions, keeps what it can, and ends with status 1', async () => {
    const env = {
      PGWITNESS_AUDIT_ON_FAILURE: 'shutdown',
      PGWITNESS_SERVER_LOG_FILE: join(disk.path, 'log', 'server.log'),
      PGWITNESS_DRAIN: '2s',
    }
    const directory = join(disk.path, 'audit')
    const cli = spawnCli(
      [
        ...['run', '--listen', '127.0.0.1:0', '--audit-dir', directory],
        ...['--upstream', `postgres://127.0.0.1:${postgres.port}`],
      ],
      env,
    )
    const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
    const [asking, idle] = await Promise.all([1, 2].map(() => connected(Number(port))))
    const idle_end = once(idle as pg.Client, 'error')
    const told: unknown[] = []
    asking?.on('error', (error) => told.push(error))
    disk.fill()
    const work = (async () => {
      for (let n = 0; ; n++) await asking?.query(`SELECT ${n}, '${'x'.repeat(1_000)}'`)
    })()
    // It may come between two queries as well.
    told.push(await work.catch((error: unknown) => error))
    expect(told).toContainEqual(expect.objectContaining({ code: '57P01' }))
    expect((await idle_end)[0]).toMatchObject({ code: '57P01' })
    await expectStatus(cli, 1)
    expect(cli.stderr).toMatch(/^pgwitness: trail\.failed: .*on_failure is shutdown\n {2}hint: /m)
    expect(cli.stderr).toMatch(/^pgwitness: trail\.write_failed: \d+ bytes of audit records/m)
  })
})

async function expectStatus(cli: SpawnedCli, status: number): Promise<void> {
  expect(await cli.ended).toBe(status)
}

async function connected(port: number): Promise<pg.Client> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Stops the proxy and gives what the files and the server log hold, once each, by number. */
async function everything(proxy: ProxyUnderTest): Promise<TrailRecord[]> {
  const by_seq = new Map<number, TrailRecord>()
  await proxy.stop()
  const diverted = logOf(join(disk.path, 'log')).filter(isWhole)
  for (const line of [...filesOf(proxy.directory), ...diverted]) {
    const record: TrailRecord = JSON.parse(line)
    by_seq.set(record.seq, record)
  }
  return [...by_seq.values()].sort((a, b) => a.seq - b.seq)
}

function linesOf(directory: string, name: RegExp): string[] {
  return fs
    .readdirSync(directory)
    .filter((entry) => name.test(entry))
    .flatMap((entry) => fs.readFileSync(join(directory, entry), 'utf8').split('\n'))
    .filter((line) => line !== '')
}

/** A line that the full disk has cut short may be continued by another one. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

const filesOf = (directory: string) => linesOf(directory, /^audit-.*\.log$/)

function logOf(directory: string): string[] {
  const head = /^\{"level":50,"time":\d+,"code":"audit\.fallback","record":(.*)\}$/
  return linesOf(directory, /^server\.\d+\.log$/).flatMap((line) => head.exec(line)?.[1] ?? [])
}
