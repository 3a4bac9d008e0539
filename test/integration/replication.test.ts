import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyData, copyDone, functionCall, int32, parse, query, sync } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'
import { serverMajor } from '../support/server-binaries.js'

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    settings: { wal_level: 'logical', max_wal_senders: '10', wal_sender_timeout: '0' },
    hba: [
      'host all,replication copier 127.0.0.1/32 trust',
      'host all,replication all 127.0.0.1/32 scram-sha-256',
    ],
  })
  const admin = await direct()
  await admin.query('CREATE ROLE copier LOGIN REPLICATION')
  await admin.query('CREATE TABLE orders (id int PRIMARY KEY, note text)')
  await admin.query('GRANT ALL ON orders TO copier')
  await admin.query('CREATE PUBLICATION "All orders" FOR TABLE orders')
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

async function direct(): Promise<pg.Client> {
  const client = new pg.Client({
    host: postgres.host,
    port: postgres.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
  })
  await client.connect()
  return client
}

async function withProxy(
  settings: Readonly<Record<string, unknown>>,
  body: (proxy: ProxyUnderTest) => Promise<void>,
): Promise<TrailRecord[]> {
  const proxy = await startProxy(postgres, settings)
  try {
    await body(proxy)
  } catch (error) {
    await proxy.stop()
    throw error
  }
  return proxy.finish()
}

const ready = 'Z\0\0\0\x05'

/** How many ReadyForQuery have come. */
const readies = (text: string) => text.split(ready).length - 1

/** A replication connection that asks one thing after the other. */
class Standby {
  readonly raw: RawClient

  private constructor(raw: RawClient) {
    this.raw = raw
  }

  static async connect(
    port: number,
    parameters: Readonly<Record<string, string>>,
  ): Promise<Standby> {
    const raw = await RawClient.connect(port)
    raw.send(startupPacket({ user: 'copier', ...parameters }))
    await raw.until((text) => text.includes(ready))
    return new Standby(raw)
  }

  /** Sends and waits for this many ReadyForQuery; gives what came for it. */
  async ask(bytes: Buffer, answers = 1): Promise<string> {
    const before = this.raw.text.length
    this.raw.send(bytes)
    const text = await this.raw.until((all) => readies(all.slice(before)) >= answers)
    return text.slice(before)
  }

  /** Counts bytes without keeping them, until the last ones are these. */
  async readThrough(end: string): Promise<number> {
    const { socket } = this.raw
    const listeners = socket.listeners('data') as ((chunk: Buffer) => void)[]
    socket.removeAllListeners('data')
    let bytes = 0
    let tail = ''
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - end.length))).slice(
          -end.length,
        )
        if (tail === end) resolve()
      })
    })
    socket.removeAllListeners('data')
    for (const listener of listeners) socket.on('data', listener)
    return bytes
  }
}

const server_major = serverMajor()

/** What a standby tells now and then: how far it has come (and that it asks for an answer). */
const statusUpdate = () =>
  copyData(Buffer.concat([Buffer.from('r'), Buffer.alloc(32), Buffer.from([1])]))

const briefly = (records: readonly TrailRecord[]) =>
  statementsOf(records)
    .filter((record) => record['phase'] !== 'start')
    .map((record) =>
      [
        record.statement?.['protocol'],
        record.class,
        record.command,
        record.outcome,
        record.sqlstate,
        record.analysis,
        ...(record.objects ?? []).map((object) => `${object['type']} ${object['name']}`),
      ]
        .filter((part) => part !== undefined && part !== '')
        .join(' '),
    )

// Before 15 these commands had another grammar, or were not there.
describe('a physical replication connection (partly skipped before PostgreSQL 15)', () => {
  it.skipIf(server_major < 15)(
    'is of no database, and each of its commands is one record',
    async () => {
      const records = await withProxy({}, async (proxy) => {
        const standby = await Standby.connect(proxy.port, { replication: 'yes' })
        expect(await standby.ask(query('IDENTIFY_SYSTEM'))).toContain('systemid')
        await standby.ask(query('SHOW wal_level'))
        await standby.ask(query('CREATE_REPLICATION_SLOT phys PHYSICAL RESERVE_WAL'))
        await standby.ask(query('READ_REPLICATION_SLOT phys'))
        await standby.ask(query('TIMELINE_HISTORY 1'))
        await standby.ask(query('DROP_REPLICATION_SLOT phys;'))
        await standby.ask(query('DROP_REPLICATION_SLOT phys'))
        await standby.ask(query('SHOW TIME ZONE'))
        standby.raw.end()
      })
      expect(briefly(records)).toEqual([
        'replication MISC IDENTIFY_SYSTEM success 00000',
        'replication MISC SHOW success 00000',
        'replication MISC CREATE_REPLICATION_SLOT success 00000 REPLICATION SLOT phys',
        'replication MISC READ_REPLICATION_SLOT success 00000 REPLICATION SLOT phys',
        'replication READ TIMELINE_HISTORY failure 58P01',
        'replication MISC DROP_REPLICATION_SLOT success 00000 REPLICATION SLOT phys',
        'replication MISC DROP_REPLICATION_SLOT failure 42704 REPLICATION SLOT phys',
        'replication ERROR failure 42601',
      ])
      expect(statementsOf(records)[0]).toMatchObject({
        rows: 1,
        statement: { text: 'IDENTIFY_SYSTEM' },
      })
      const authorized = records.find((record) => record.command === 'connection authorized')
      expect(authorized).toMatchObject({ detail: { replication: 'physical' } })
      for (const record of records) expect(record.session?.['database']).toBeUndefined()
      // Nobody looked for a database that is called after the user.
      expect(postgres.log()).not.toContain('database "copier"')
    },
  )

  it('refuses SQL, the extended protocol and FunctionCall, and lives', async () => {
    const records = await withProxy({}, async (proxy) => {
      const standby = await Standby.connect(proxy.port, { replication: '1', database: 'postgres' })
      await standby.ask(query('DELETE FROM orders; SELECT 1'))
      await standby.ask(query('/* x */ IDENTIFY_SYSTEM'))
      await standby.ask(query('identify_system'))
      await standby.ask(Buffer.concat([parse('', 'DELETE FROM orders'), sync()]))
      await standby.ask(functionCall(952))
      expect(await standby.ask(query('IDENTIFY_SYSTEM'))).toContain('systemid')
      standby.raw.end()
    })
    expect(briefly(records)).toEqual([
      'simple WRITE DELETE failure 0A000 TABLE public.orders',
      'simple READ SELECT skipped',
      'simple WRITE failure 0A000 unparsed',
      'simple WRITE failure 0A000 unparsed',
      'extended WRITE DELETE failure 08P01 TABLE public.orders',
      'function FUNCTION FUNCTION CALL failure 08P01 FUNCTION oid:952',
      'replication MISC IDENTIFY_SYSTEM success 00000',
    ])
  })

  it.skipIf(server_major < 15)(
    'copies the server by BASE_BACKUP: one record of class BACKUP, whatever it answers',
    async () => {
      const rules = [
        { name: 'backups', class: ['BACKUP'] },
        { name: 'of-postgres', database: ['postgres'], class: ['BACKUP'] },
        { name: 'not-of-postgres', class: ['BACKUP'], except: { database: ['postgres'] } },
        { name: 'writes', class: ['WRITE'] },
      ]
      let received = 0
      const records = await withProxy({ rules }, async (proxy) => {
        const standby = await Standby.connect(proxy.port, { replication: 'true' })
        const backup = standby.readThrough('BASE_BACKUP\0Z\0\0\0\x05I')
        standby.raw.send(query("BASE_BACKUP (LABEL 'nightly', CHECKPOINT 'fast', WAIT 0)"))
        received = await backup
        await standby.ask(query('BASE_BACKUP (TARGET nowhere)'))
        await standby.ask(query('BASE_BACKUP BY TELEPATHY'))
        standby.raw.end()
      })
      expect(briefly(records)).toEqual([
        'replication BACKUP BASE_BACKUP success 00000',
        'replication BACKUP BASE_BACKUP failure 0A000',
      ])
      const [backup] = statementsOf(records)
      expect(backup?.rules).toEqual(['backups', 'of-postgres', 'not-of-postgres'])
      expect(backup?.statement?.text).toBe(
        "BASE_BACKUP (LABEL 'nightly', CHECKPOINT 'fast', WAIT 0)",
      )
      const bytes_out = Number(backup?.['bytes_out'])
      expect(bytes_out).toBeGreaterThan(5_000_000)
      // Beside the bodies there are headers of five bytes each and a few small messages.
      expect(bytes_out).toBeLessThan(received)
      expect(bytes_out).toBeGreaterThan(received * 0.99)
    },
  )

  it.skipIf(server_major < 15)('shows a backup in the CSV format as well', async () => {
    const proxy = await startProxy(postgres, { audit: { format: 'csv' } })
    const standby = await Standby.connect(proxy.port, { replication: 'true' })
    await standby.ask(query('BASE_BACKUP (TARGET nowhere)'))
    await standby.ask(query('CREATE_REPLICATION_SLOT c TEMPORARY PHYSICAL'))
    standby.raw.end()
    await proxy.stop()
    const lines = (await proxy.lines()).join('\n')
    expect(lines).toContain(',BASE_BACKUP,0A000,,,')
    expect(lines).toMatch(
      /SESSION,MISC,.*,copier,,\d+\/\d+,2,1,CREATE_REPLICATION_SLOT,,REPLICATION SLOT,c,,/,
    )
    expect(lines).toContain('replication connection authorized: user=copier')
  })
})

describe('a logical replication connection', () => {
  it('mixes SQL and commands, and streams until both sides are done', async () => {
    const admin = await direct()
    const records = await withProxy({ audit: { start_after: '100ms' } }, async (proxy) => {
      const standby = await Standby.connect(proxy.port, {
        replication: 'database',
        database: 'postgres',
      })
      await standby.ask(query('CREATE_REPLICATION_SLOT "my_slot" LOGICAL pgoutput'))
      await admin.query("INSERT INTO orders VALUES (1, 'first'), (2, 'second')")
      await standby.ask(query('SELECT note FROM orders WHERE id = 1; SELECT 2'))
      await standby.ask(query('show work_mem'))
      await standby.ask(Buffer.concat([parse('', 'SELECT 3'), sync()]))
      standby.raw.send(
        query(
          'START_REPLICATION SLOT "my_slot" LOGICAL 0/0 ' +
            `(proto_version '1', publication_names '"All orders"')`,
        ),
      )
      await standby.raw.until((text) => text.includes('second'))
      await proxy.recordsUntil((all) =>
        all.some((record) => record['phase'] === 'start' && record.class === 'READ'),
      )
      const until = standby.raw.text.length
      standby.raw.send(statusUpdate(), statusUpdate())
      // A keepalive answers the status update.
      await standby.raw.until((text) => text.slice(until).includes('k'))
      await standby.ask(copyDone())
      await standby.ask(query('ALTER_REPLICATION_SLOT "my_slot" (FAILOVER true)'))
      await standby.ask(query('DROP_REPLICATION_SLOT "my_slot"'))
      standby.raw.end()
    })
    await admin.end()
    const slot = 'REPLICATION SLOT my_slot'
    expect(briefly(records)).toEqual([
      `replication MISC CREATE_REPLICATION_SLOT success 00000 ${slot}`,
      'simple READ SELECT success 00000 TABLE public.orders',
      'simple READ SELECT success 00000',
      'simple MISC SHOW success 00000',
      'extended READ SELECT failure 08P01',
      `replication READ START_REPLICATION success 00000 ${slot} PUBLICATION "All orders"`,
      // Servers before 17 do not know it.
      `replication MISC ALTER_REPLICATION_SLOT ${server_major < 17 ? 'failure 42601' : 'success 00000'} ${slot}`,
      `replication MISC DROP_REPLICATION_SLOT success 00000 ${slot}`,
    ])
    const streams = records.filter((record) => record.command === 'START_REPLICATION')
    expect(streams).toMatchObject([
      { phase: 'start', class: 'READ', statement: { protocol: 'replication' } },
      { class: 'READ', bytes_in: 68 },
    ])
    expect(streams[0]?.statement?.['uid']).toBe(streams[1]?.statement?.['uid'])
    expect(Number(streams[1]?.['bytes_out'])).toBeGreaterThan(100)
    const authorized = records.find(
      (record) =>
        record.command === 'connection authorized' && record.session?.['user'] === 'copier',
    )
    expect(authorized).toMatchObject({
      session: { database: 'postgres' },
      detail: { replication: 'logical' },
    })
  })

  it('is logical too when a later value says only that it is on', async () => {
    const records = await withProxy({}, async (proxy) => {
      const raw = await RawClient.connect(proxy.port)
      const body = Buffer.from(
        'user\0copier\0database\0postgres\0replication\0database\0replication\0on\0\0',
      )
      raw.send(Buffer.concat([int32(body.length + 8), int32(196608), body]))
      await raw.until((text) => text.includes(ready))
      raw.send(query('DELETE FROM orders WHERE id = 1'))
      await raw.until((text) => readies(text) === 2)
      raw.end()
    })
    expect(briefly(records)).toEqual(['simple WRITE DELETE success 00000 TABLE public.orders'])
    expect(statementsOf(records)[0]?.session).toMatchObject({ database: 'postgres' })
  })

  it('that the client leaves in the middle of the stream tells what had crossed', async () => {
    const records = await withProxy({}, async (proxy) => {
      const standby = await Standby.connect(proxy.port, {
        replication: 'database',
        database: 'postgres',
      })
      await standby.ask(query('CREATE_REPLICATION_SLOT gone TEMPORARY LOGICAL pgoutput'))
      standby.raw.send(
        query(
          `START_REPLICATION SLOT gone LOGICAL 0/0 (proto_version '1', publication_names 'none')`,
        ),
      )
      const before = standby.raw.text.length
      await standby.raw.until((text) => text.slice(before).includes('W\0\0\0'))
      const until = standby.raw.text.length
      standby.raw.send(statusUpdate())
      await standby.raw.until((text) => text.slice(until).includes('k'))
      standby.raw.end()
      await proxy.recordsUntil((all) =>
        all.some((record) => record.command === 'START_REPLICATION'),
      )
    })
    expect(statementsOf(records).at(-1)).toMatchObject({
      class: 'READ',
      command: 'START_REPLICATION',
      outcome: 'unknown',
      bytes_in: 34,
    })
  })
})
