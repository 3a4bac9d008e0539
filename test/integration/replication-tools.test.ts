import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { debianBinaries, type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'

const run = promisify(execFile)

/** The package of embedded binaries has the server alone; a distribution has the tools as well. */
const binaries = debianBinaries(15)

let postgres: ScratchPostgres
let admin: pg.Client
let scratch: string

beforeAll(async () => {
  if (binaries === undefined) return
  scratch = mkdtempSync(join(tmpdir(), 'pgwitness-tools-'))
  postgres = await startPostgres({
    binaries,
    settings: { wal_level: 'logical' },
    hba: [
      'host all,replication copier 127.0.0.1/32 trust',
      'host all,replication all 127.0.0.1/32 scram-sha-256',
    ],
  })
  admin = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await admin.connect()
  await admin.query('CREATE ROLE copier LOGIN REPLICATION')
  await admin.query('CREATE TABLE orders (id int PRIMARY KEY, note text)')
})

afterAll(async () => {
  if (binaries === undefined) return
  await admin.end()
  await postgres.stop()
  rmSync(scratch, { recursive: true, force: true })
})

/** Runs a tool against the proxy as the role that may replicate. */
async function tool(
  proxy: ProxyUnderTest,
  name: string,
  ...options: readonly string[]
): Promise<string> {
  const address = ['-h', '127.0.0.1', '-p', `${proxy.port}`, '-U', 'copier', '-w']
  const { stdout } = await run(join(binaries ?? '', name), [...address, ...options])
  return stdout
}

async function withProxy(body: (proxy: ProxyUnderTest) => Promise<void>): Promise<TrailRecord[]> {
  const proxy = await startProxy(postgres)
  try {
    await body(proxy)
  } catch (error) {
    await proxy.stop()
    throw error
  }
  return proxy.finish()
}

async function position(sql: string): Promise<string> {
  const { rows } = await admin.query<{ lsn: string }>(sql)
  return rows[0]?.lsn ?? ''
}

/** Waits until a client takes the log. */
async function streams(): Promise<void> {
  const sql = "SELECT FROM pg_stat_replication WHERE state = 'streaming'"
  while ((await admin.query(sql)).rowCount === 0) await delay(10)
}

const ended = (records: readonly TrailRecord[]) =>
  statementsOf(records).filter((record) => record['phase'] !== 'start')

function expectUnderstood(records: readonly TrailRecord[]): void {
  for (const record of statementsOf(records)) expect(record.analysis).toBeUndefined()
  const problems = ['protocol disagreement', 'protocol violation']
  for (const record of records) expect(problems).not.toContain(record.command)
}

describe.skipIf(binaries === undefined)(
  'the tools of PostgreSQL 15 (skips without /usr/lib/postgresql/15/bin)',
  () => {
    it('pg_basebackup: a backup, and the log streamed beside it', async () => {
      const target = join(scratch, 'backup')
      const records = await withProxy(async (proxy) => {
        await tool(proxy, 'pg_basebackup', '-D', target, '-X', 'stream', '-c', 'fast', '-P')
      })
      expect(readdirSync(target)).toContain('backup_manifest')
      await run(join(binaries ?? '', 'pg_verifybackup'), [target])
      expectUnderstood(records)
      const of = (command: string) => ended(records).filter((one) => one.command === command)
      expect(of('BASE_BACKUP')).toMatchObject([
        { class: 'BACKUP', outcome: 'success', statement: { protocol: 'replication' } },
      ])
      expect(Number(of('BASE_BACKUP')[0]?.['bytes_out'])).toBeGreaterThan(5_000_000)
      expect(of('CREATE_REPLICATION_SLOT')).toMatchObject([
        { class: 'MISC', outcome: 'success', objects: [{ type: 'REPLICATION SLOT' }] },
      ])
      expect(of('START_REPLICATION')).toMatchObject([
        { class: 'READ', outcome: 'success', objects: [{ type: 'REPLICATION SLOT' }] },
      ])
      expect(Number(of('START_REPLICATION')[0]?.['bytes_in'])).toBeGreaterThan(0)
      expect(of('IDENTIFY_SYSTEM').length).toBeGreaterThan(0)
    })

    it('pg_receivewal: a slot, and the log up to a position', async () => {
      const target = mkdtempSync(join(scratch, 'wal-'))
      const records = await withProxy(async (proxy) => {
        await tool(proxy, 'pg_receivewal', '--slot', 'wal', '--create-slot')
        const end = await position('SELECT (pg_current_wal_lsn() + 16 * 1024 * 1024)::text AS lsn')
        const stream = ['-D', target, '--slot', 'wal', '--no-loop', '--endpos', end]
        const streaming = tool(proxy, 'pg_receivewal', ...stream)
        await streams()
        await admin.query("INSERT INTO orders VALUES (1, 'first')")
        await admin.query('SELECT pg_switch_wal()')
        await admin.query("INSERT INTO orders VALUES (2, 'second')")
        await admin.query('SELECT pg_switch_wal()')
        await streaming
        await tool(proxy, 'pg_receivewal', '--slot', 'wal', '--drop-slot')
      })
      expect(readdirSync(target).length).toBeGreaterThan(0)
      expectUnderstood(records)
      const slot = [{ type: 'REPLICATION SLOT', name: 'wal' }]
      const commands = ended(records).filter((record) => record.objects?.length !== 0)
      expect(commands).toMatchObject([
        { command: 'CREATE_REPLICATION_SLOT', outcome: 'success', objects: slot },
        { command: 'READ_REPLICATION_SLOT', outcome: 'success', objects: slot },
        { command: 'START_REPLICATION', class: 'READ', outcome: 'success', objects: slot },
        { command: 'DROP_REPLICATION_SLOT', outcome: 'success', objects: slot },
      ])
      expect(Number(commands[2]?.['bytes_out'])).toBeGreaterThan(1_000_000)
      for (const record of records) expect(record.session?.['database']).toBeUndefined()
      expect(postgres.log()).not.toContain('database "copier"')
    })

    it('pg_recvlogical: the changes of a database', async () => {
      const records = await withProxy(async (proxy) => {
        const slot = ['-d', 'postgres', '--slot', 'changes']
        await tool(proxy, 'pg_recvlogical', ...slot, '--create-slot', '-P', 'test_decoding')
        await admin.query("INSERT INTO orders VALUES (3, 'third')")
        const end = await position('SELECT pg_current_wal_lsn()::text AS lsn')
        await admin.query("INSERT INTO orders VALUES (4, 'fourth')")
        const stream = ['--start', '--no-loop', '-f', '-', '--endpos', end]
        const changes = await tool(
          proxy,
          'pg_recvlogical',
          ...[...slot, ...stream, '-o', 'include-xids=0'],
        )
        expect(changes).toContain("note[text]:'third'")
        await tool(proxy, 'pg_recvlogical', ...slot, '--drop-slot')
      })
      expectUnderstood(records)
      const stream = ended(records).find((record) => record.command === 'START_REPLICATION')
      expect(stream).toMatchObject({
        class: 'READ',
        outcome: 'success',
        session: { user: 'copier', database: 'postgres' },
        objects: [{ name: 'changes' }],
        statement: { text: expect.stringContaining(`"include-xids" '0'`) },
      })
    })

    it('psql on a logical connection: commands and SQL side by side', async () => {
      const records = await withProxy(async (proxy) => {
        const url = `postgresql://copier@127.0.0.1:${proxy.port}/postgres?replication=database`
        const commands = [
          'IDENTIFY_SYSTEM',
          'SELECT 1',
          'SHOW work_mem',
          'show work_mem',
          'CREATE_REPLICATION_SLOT mine TEMPORARY LOGICAL test_decoding NOEXPORT_SNAPSHOT',
          'DROP_REPLICATION_SLOT mine',
        ]
        const { stdout } = await run(join(binaries ?? '', 'psql'), [
          ...['-X', '-w', url],
          ...commands.flatMap((command) => ['-c', command]),
        ])
        expect(stdout).toContain('systemid')
      })
      expectUnderstood(records)
      expect(
        ended(records).map((record) => [
          record.statement?.['protocol'],
          record.class,
          record.command,
        ]),
      ).toEqual([
        ['replication', 'MISC', 'IDENTIFY_SYSTEM'],
        ['simple', 'READ', 'SELECT'],
        ['replication', 'MISC', 'SHOW'],
        ['simple', 'MISC', 'SHOW'],
        ['replication', 'MISC', 'CREATE_REPLICATION_SLOT'],
        ['replication', 'MISC', 'DROP_REPLICATION_SLOT'],
      ])
    })
  },
)
