import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readTrail } from '../../src/trail/read-trail.js'
import { type SpawnedCli, spawnCli, written } from '../cli/spawn-cli.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { statementsOf, type TrailRecord } from '../support/proxy.js'
import { faultsOfLine } from '../support/record-schema.js'
import { connectByTls } from '../support/tls-client.js'

type Settings = Readonly<Record<string, unknown>>

let postgres: ScratchPostgres
const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-reload-'))
const clients = new Set<pg.Client>()
let proxy: Proxied | undefined

beforeAll(async () => {
  postgres = await startPostgres()
})

afterEach(async () => {
  for (const client of clients) await client.end().catch(() => {})
  clients.clear()
  await proxy?.stop()
  proxy = undefined
})

afterAll(async () => {
  await postgres.stop()
  fs.rmSync(scratch, { recursive: true })
})

/** A pgwitness in a process of its own, whose configuration is a file. */
class Proxied {
  readonly cli: SpawnedCli
  readonly port: number
  readonly admin_port: number
  readonly directory: string
  readonly #file: string

  private constructor(cli: SpawnedCli, name: string, port: number, admin_port: number) {
    this.cli = cli
    this.port = port
    this.admin_port = admin_port
    this.directory = join(scratch, name)
    this.#file = `${this.directory}.yaml`
  }

  static async start(name: string, settings: Settings): Promise<Proxied> {
    const file = join(scratch, `${name}.yaml`)
    const text = configuration(name, settings)
    fs.writeFileSync(file, text)
    const cli = spawnCli(['run', '--config', file], { PGPASSWORD: postgres.password })
    const [, port] = await written(cli, 'stderr', /listening on [\d.]+:(\d+) for/)
    const [, admin] = await written(cli, 'stderr', /"admin_port":(\d+)/)
    return new Proxied(cli, name, Number(port), Number(admin))
  }

  /** Writes the file anew and sends SIGHUP; resolves with the line of the log that tells the result. */
  async reload(settings: Settings | string): Promise<Readonly<Record<string, unknown>>> {
    const name = this.directory.slice(scratch.length + 1)
    fs.writeFileSync(
      this.#file,
      typeof settings === 'string' ? settings : configuration(name, settings),
    )
    return await this.hangUp()
  }

  async hangUp(): Promise<Readonly<Record<string, unknown>>> {
    const seen = this.cli.stderr.length
    this.cli.process.kill('SIGHUP')
    const result = /^.*(?:was reloaded|was not reloaded).*$/m
    for (;;) {
      const line = result.exec(this.cli.stderr.slice(seen))
      if (line !== null && this.cli.stderr.endsWith('\n')) return JSON.parse(line[0])
      if ((await Promise.race([this.cli.ended, delay(20)])) !== undefined) {
        throw new Error(`ended:\n${this.cli.stderr}`)
      }
    }
  }

  async lines(): Promise<string[]> {
    const lines: string[] = []
    for await (const { line } of readTrail(this.directory)) lines.push(line)
    return lines
  }

  async recordsUntil(done: (records: TrailRecord[]) => boolean): Promise<TrailRecord[]> {
    for (;;) {
      const records = (await this.lines()).map((line): TrailRecord => JSON.parse(line))
      if (done(records)) return records
      await delay(20)
    }
  }

  async metric(name: string): Promise<string | undefined> {
    const page = await (await fetch(`http://127.0.0.1:${this.admin_port}/metrics`)).text()
    return page
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
  }

  async stop(): Promise<void> {
    this.cli.process.kill('SIGTERM')
    await this.cli.ended
  }
}

function configuration(name: string, settings: Settings): string {
  return stringify({
    instance: name,
    upstream: { host: postgres.host, port: postgres.port },
    admin: { port: 0 },
    ...settings,
    listen: { port: 0, ...(settings['listen'] as object | undefined) },
    audit: {
      ...{ directory: join(scratch, name), flush: { interval: '10ms' }, start_after: 0 },
      ...(settings['audit'] as object | undefined),
    },
  })
}

async function connected(port: number, application_name = 'test'): Promise<pg.Client> {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', application_name },
    password: postgres.password,
  })
  client.on('error', () => {})
  await client.connect()
  clients.add(client)
  return client
}

function configRecords(records: readonly TrailRecord[]): TrailRecord[] {
  return records.filter(({ command }) => command === 'audit.config')
}

describe('rules', () => {
  const reads = [{ name: 'reads', class: 'READ' }]
  const writes = [{ name: 'writes', class: 'WRITE' }]

  test('count for what comes from then on, not for what runs', async () => {
    proxy = await Proxied.start('rules', { rules: reads })
    const direct = await connected(postgres.port)
    await direct.query('SELECT pg_advisory_lock(7)')
    const [busy, idle] = [await connected(proxy.port), await connected(proxy.port)]
    await idle.query('SELECT 1 AS before_it')
    const running = busy.query('SELECT pg_advisory_lock(7) AS in_flight')
    const waiting = 'SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted'
    while ((await direct.query<{ n: number }>(waiting)).rows[0]?.n !== 1) await delay(10)

    expect(await proxy.reload({ rules: writes })).toMatchObject({
      level: 30,
      code: 'config.reloaded',
      changed: ['rules'],
    })
    await idle.query('SELECT 1 AS after_it')
    await idle.query('CREATE TABLE reload_t (a int)')
    await idle.query('INSERT INTO reload_t VALUES (1)')
    await direct.query('SELECT pg_advisory_unlock(7)')
    await running
    await busy.query('SELECT 1 AS after_it_too')

    const has = (all: readonly TrailRecord[], word: string) =>
      all.some(({ statement }) => statement?.text.includes(word) === true)
    const is_done = (all: readonly TrailRecord[]) => has(all, 'in_flight') && has(all, 'INSERT')
    const records = await proxy.recordsUntil(is_done)
    const known = statementsOf(records).map(({ statement, rules }) => [statement?.text, rules])
    // New texts wait for the parser: which of two sessions is first is nobody's promise.
    expect(known.toSorted()).toEqual([
      ['INSERT INTO reload_t VALUES (1)', ['writes']],
      ['SELECT 1 AS before_it', ['reads']],
      ['SELECT pg_advisory_lock(7) AS in_flight', ['reads']],
    ])
    expect(configRecords(records)).toMatchObject([
      {
        class: 'AUDIT',
        detail: {
          changes: [
            {
              key: 'rules',
              old: [{ name: 'reads', class: ['READ'] }],
              new: [{ name: 'writes', class: ['WRITE'] }],
            },
          ],
        },
      },
    ])
    // The record of the change stands before whatever it has changed.
    const commands = records.map(({ command }) => command)
    expect(commands.indexOf('audit.config')).toBeLessThan(commands.indexOf('INSERT'))
    for (const line of await proxy.lines()) expect(faultsOfLine(line)).toEqual([])
    expect(await proxy.metric('pgwitness_config_reloads_total{result="success"}')).toBe('1')
    expect(await proxy.metric('pgwitness_config_last_reload_successful')).toBe('1')
  })

  test('of object auditing, with the role that says what is audited', async () => {
    const catalog = { user: 'postgres', refresh: '1h' }
    const direct = await connected(postgres.port)
    await direct.query('CREATE ROLE reload_auditor')
    await direct.query('CREATE TABLE audited_t (a int)')
    await direct.query('GRANT SELECT ON audited_t TO reload_auditor')
    proxy = await Proxied.start('objects', { catalog, rules: [] })
    const client = await connected(proxy.port)
    await client.query('SELECT FROM audited_t')
    const result = await proxy.reload({
      ...{ catalog, rules: [], object_audit: { role: 'reload_auditor' } },
    })
    expect(result).toMatchObject({ changed: ['object_audit.role'] })
    await client.query('SELECT a FROM audited_t')
    const records = await proxy.recordsUntil((all) => statementsOf(all).length > 0)
    expect(statementsOf(records).map(({ statement }) => statement?.text)).toEqual([
      'SELECT a FROM audited_t',
    ])
  })

  test('what does not validate is refused, and what runs stays', async () => {
    proxy = await Proxied.start('invalid', { rules: reads })
    const client = await connected(proxy.port)
    const stays = /^the configuration was not reloaded; the one that runs stays: /
    expect(await proxy.reload('rules: [')).toMatchObject({
      ...{ level: 50, code: 'config.syntax', msg: expect.stringMatching(stays) },
    })
    const unknown = await proxy.reload({ rules: [{ name: 'x', clas: 'READ' }] })
    expect(unknown).toMatchObject({ level: 50, code: 'config.unknown_key' })
    expect(unknown['msg']).toMatch(/rules\[0\]\.clas.*invalid\.yaml:\d+/s)
    // Only the rules themselves know this one.
    const quote = await proxy.reload({ rules: [{ name: 'x', object: '"open' }] })
    expect(quote).toMatchObject({ level: 50, code: 'config.invalid' })
    fs.rmSync(join(scratch, 'invalid.yaml'))
    expect(await proxy.hangUp()).toMatchObject({ level: 50, code: 'config.unreadable' })
    await client.query('SELECT 1 AS still_recorded')
    const records = await proxy.recordsUntil((all) => statementsOf(all).length > 0)
    expect(statementsOf(records)).toMatchObject([{ rules: ['reads'] }])
    expect(configRecords(records)).toEqual([])
    expect(await proxy.metric('pgwitness_config_reloads_total{result="failure"}')).toBe('4')
    expect(await proxy.metric('pgwitness_config_last_reload_successful')).toBe('0')
  })

  test('what needs a restart is refused by its name, and nothing else is taken over', async () => {
    proxy = await Proxied.start('restart', { rules: reads })
    const refused = await proxy.reload({
      ...{ rules: writes, drain: '5s', limits: { connections: 7 } },
      audit: { format: 'csv' },
    })
    expect(refused).toMatchObject({ level: 50, code: 'config.needs_restart' })
    expect(refused['msg']).toMatch(
      /stays: audit\.format, limits\.connections, drain change by a restart only/,
    )
    const client = await connected(proxy.port)
    await client.query('SELECT 1 AS still_recorded')
    const records = await proxy.recordsUntil((all) => statementsOf(all).length > 0)
    expect(statementsOf(records)).toMatchObject([{ rules: ['reads'] }])
    // Undone, it can be reloaded.
    expect(await proxy.reload({ rules: reads })).toMatchObject({
      code: 'config.reloaded',
      changed: [],
    })
  })
})

describe('the rest', () => {
  test('the retention, at once and behind its record', async () => {
    for (let start = 0; start < 3; start++) {
      proxy = await Proxied.start('retention', {})
      await proxy.stop()
    }
    proxy = await Proxied.start('retention', {})
    const files = () =>
      fs.readdirSync(join(scratch, 'retention')).filter((name) => name.endsWith('.log'))
    expect(files().length).toBe(4)
    await proxy.reload({ audit: { retain: { files: 2 } } })
    while (files().length > 2) await delay(20)
    const records = await proxy.recordsUntil(() => true)
    const commands = records.map(({ command }) => command).filter((name) => name !== 'audit.seal')
    expect(commands.slice(-3)).toEqual(['audit.config', 'audit.expire', 'audit.expire'])
    expect(configRecords(records)).toMatchObject([
      { detail: { changes: [{ key: 'audit.retain.files', new: 2 }] } },
    ])
    // A longer one removes nothing more, and is an old value the next time.
    await proxy.reload({ audit: { retain: { files: 9 } } })
    const later = await proxy.recordsUntil((all) => configRecords(all).length === 2)
    expect(configRecords(later).at(-1)?.detail).toEqual({
      changes: [{ key: 'audit.retain.files', old: 2, new: 9 }],
    })
  })

  test('signals in a row: the last file counts, and the records leave no step out', async () => {
    const running = await Proxied.start('burst', {})
    proxy = running
    const last = 20
    const numbers = Array.from({ length: last }, (_, index) => index + 1)
    await Promise.all(numbers.map((files) => running.reload({ audit: { retain: { files } } })))
    const steps = (records: readonly TrailRecord[]) =>
      configRecords(records).flatMap(
        ({ detail }) => detail?.['changes'] as { old?: number; new: number }[],
      )
    const records = await proxy.recordsUntil((all) => steps(all).at(-1)?.new === last)
    const taken = steps(records)
    expect(taken.map(({ old }) => old)).toEqual([
      undefined,
      ...taken.slice(0, -1).map((step) => step.new),
    ])
    // A file that was read while it was being written anew has been refused.
    const success = () => running.metric('pgwitness_config_last_reload_successful')
    await expect.poll(success).toBe('1')
  })

  test('the level of the server log', async () => {
    proxy = await Proxied.start('level', { server_log: { level: 'info' } })
    const told = () => proxy?.cli.stderr.match(/"level":30/g)?.length ?? 0
    // Told at the level that is the wider of the two, so that somebody sees it.
    await proxy.reload({ server_log: { level: 'error' } })
    const before = told()
    await proxy.reload({ server_log: { level: 'info' } })
    expect(told()).toBe(before + 1)
    await proxy.reload({ server_log: { level: 'error' } })
    const silent = told()
    await proxy.stop()
    // Not even that it stops.
    expect(told()).toBe(silent)
  })

  test('a new password of the catalog’s role, by its name alone', async () => {
    const direct = await connected(postgres.port)
    await direct.query("CREATE ROLE rotated LOGIN PASSWORD 'first secret'")
    const password_file = join(scratch, 'catalog-password')
    fs.writeFileSync(password_file, 'first secret\n', { mode: 0o600 })
    const catalog = { user: 'rotated', password_file, refresh: '1h' }
    proxy = await Proxied.start('password', { catalog })
    await direct.query("ALTER ROLE rotated PASSWORD 'second secret'")
    fs.writeFileSync(password_file, 'second secret\n')
    expect(await proxy.hangUp()).toMatchObject({ changed: ['catalog.password'] })
    const client = await connected(proxy.port)
    const probe = 'SELECT FROM pg_catalog.pg_class WHERE false'
    const is_known = (record: TrailRecord) => record.objects?.[0]?.['resolved'] === 'catalog'
    for (;;) {
      await client.query(probe)
      if ((await proxy.recordsUntil(() => true)).some(is_known)) break
    }
    const lines = await proxy.lines()
    expect(lines.some((line) => line.includes('{"changes":[{"key":"catalog.password"}]}'))).toBe(
      true,
    )
    expect(lines.join('')).not.toContain('secret')
    expect(proxy.cli.stderr).not.toContain('secret')
  })
})

describe.skipIf(!opensslInstalled())('TLS files (skips without openssl)', () => {
  test('serve the next connection, while sessions go on', async () => {
    const [old, renewed] = [makeCertificates(), makeCertificates()]
    const [cert, key] = [join(scratch, 'tls.crt'), join(scratch, 'tls.key')]
    const install = (from: typeof old) => {
      fs.copyFileSync(from.cert, cert)
      fs.copyFileSync(from.key, key)
      fs.chmodSync(key, 0o600)
    }
    install(old)
    const settings = { listen: { tls: { mode: 'allow', cert, key } } }
    proxy = await Proxied.start('tls', settings)
    const shown = async (): Promise<string> => {
      const { secure } = await connectByTls(proxy?.port ?? 0, {})
      const { fingerprint256 } = (secure as TLSSocket).getPeerCertificate()
      secure.destroy()
      await once(secure, 'close')
      return fingerprint256
    }
    const before = await shown()
    const session = new pg.Client({
      ...{ host: '127.0.0.1', port: proxy.port, user: 'postgres', database: 'postgres' },
      ...{ password: postgres.password, ssl: { rejectUnauthorized: false } },
    })
    clients.add(session)
    await session.connect()
    // Half of a renewal is no pair: what runs stays.
    fs.copyFileSync(renewed.cert, cert)
    expect(await proxy.hangUp()).toMatchObject({ level: 50, code: 'config.invalid' })
    expect(await shown()).toBe(before)
    install(renewed)
    expect(await proxy.hangUp()).toMatchObject({ changed: ['listen.tls.cert.sha256'] })
    expect(await shown()).not.toBe(before)
    await session.query('SELECT 1 AS still_there')
    const records = await proxy.recordsUntil((all) => statementsOf(all).length > 0)
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/)
    expect(configRecords(records)).toMatchObject([
      { detail: { changes: [{ key: 'listen.tls.cert.sha256', old: sha256, new: sha256 }] } },
    ])
  })
})
