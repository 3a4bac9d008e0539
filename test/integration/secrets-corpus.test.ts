import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { spawnCli, written } from '../cli/spawn-cli.js'
import { accepted, prompted, refused } from '../sql/secrets/corpus.js'
import { fill, filled, secret, tracesIn } from '../sql/secrets/marks.js'
import { bind, execute, functionCall, parse, query, sync } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'
import { type Sent, startups, type Way, waysOf } from './secret-ways.js'

const entries: readonly Sent[] = [...Object.values(accepted).flat(), ...refused].map(filled)

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    settings: { wal_level: 'logical' },
    hba: ['host all,replication all 127.0.0.1/32 trust'],
  })
  const setup = await RawClient.connect(postgres.port)
  setup.send(startupPacket({ user: 'postgres', database: 'postgres' }))
  setup.send(
    query(`CREATE EXTENSION pgcrypto; CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw;
      CREATE TABLE corpus (name text, password_hash text, n int);
      CREATE FUNCTION corpus_known() RETURNS int LANGUAGE sql RETURN 1;
      CREATE ROLE corpus_a; CREATE FOREIGN DATA WRAPPER corpus_w;
      CREATE SERVER corpus_far FOREIGN DATA WRAPPER postgres_fdw`),
  )
  await readies(setup, 2)
  expect(setup.text).not.toContain('ERROR')
  setup.end()
})

afterAll(async () => {
  await postgres.stop()
})

const ready = /Z\0\0\0\x05[ITE]/g

/** Waits until the server has been ready so often since the connection began. */
async function readies(client: RawClient, count: number): Promise<void> {
  const text = await client.until((all) => (all.match(ready)?.length ?? 0) >= count)
  expect(text.match(ready)?.length ?? 0).toBe(count)
}

interface Login {
  readonly settings?: Readonly<Record<string, string>>
  readonly before?: readonly string[]
}

/** Plays these ways of each statement in a session of its own for each statement. */
async function play(
  port: number,
  waysFor: (sent: Sent) => readonly Way[],
  { settings = {}, before = [] }: Login = {},
): Promise<void> {
  for (const sent of entries) {
    const client = await RawClient.connect(port)
    client.send(startupPacket({ user: 'postgres', database: 'postgres', ...settings }))
    const ways = waysFor(sent)
    client.send(...before.map((text) => query(text)), ...ways.flatMap((way) => way.messages))
    await readies(
      client,
      ways.reduce((sum, way) => sum + way.ready, 1 + before.length),
    )
    client.end()
  }
}

const simply = ({ text, values }: Sent): readonly Way[] =>
  values.length > 0
    ? []
    : [{ name: 'simple', messages: [query(text), query(`${text} )`)], ready: 2 }]

/** All that this proxy has told anybody: trail, server log, pages. */
async function toldBy(proxy: ProxyUnderTest): Promise<Map<string, string>> {
  const told = new Map<string, string>()
  if (proxy.app.admin_port !== undefined) {
    for (const page of ['metrics', 'readyz', 'healthz']) {
      const answer = await fetch(`http://127.0.0.1:${proxy.app.admin_port}/${page}`)
      told.set(page, await answer.text())
    }
  }
  await proxy.stop()
  const scratch = dirname(proxy.directory)
  for (const entry of readdirSync(scratch, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    told.set(path.slice(scratch.length + 1), readFileSync(path, 'utf8'))
  }
  rmSync(scratch, { recursive: true, force: true })
  return told
}

/** From now on records go to the server log: a directory that was merely removed would be made anew. */
function putFileInPlaceOf(directory: string): void {
  rmSync(directory, { recursive: true })
  writeFileSync(directory, '')
}

/** The parts of what was told that give the secret away. */
function givenAway(told: ReadonlyMap<string, string>): string[] {
  return [...told].flatMap(([name, text]) =>
    text
      .split('\n')
      .filter((line) => tracesIn(line).length > 0)
      .map((line) => `${name.slice(0, 6)} ${telling(line).join(' | ')}`),
  )
}

/** The values in a line of JSON that give it away; the line itself where it is none. */
function telling(line: string): string[] {
  const values: string[] = []
  try {
    JSON.parse(line, (key, value) => {
      if (typeof value === 'string' && tracesIn(value).length > 0) values.push(`${key}: ${value}`)
      return value
    })
  } catch {
    return [line]
  }
  return values
}

/** How many lines of the trail have a statement. */
function statements(told: ReadonlyMap<string, string>, mark: string): number {
  const lines = [...told].filter(([name]) => name.startsWith('audit/audit-'))
  return lines.flatMap(([, text]) => text.split('\n')).filter((line) => line.includes(mark)).length
}

const server_log = { level: 'trace' }

describe('no byte of a secret is told', () => {
  it('of any statement of the corpus, in any way of sending it', async () => {
    const proxy = await startProxy(postgres, {
      audit: { statement_max: '1KiB', start_after: '10ms' },
      admin: { port: 0 },
      server_log,
    })
    await play(proxy.port, waysOf)
    const told = await toldBy(proxy)
    expect(givenAway(told)).toEqual([])
    expect([...told.keys()]).toEqual(expect.arrayContaining(['metrics', 'readyz', 'healthz']))
    // Every statement was sent a dozen times at least.
    expect(statements(told, '"statement":')).toBeGreaterThan(entries.length * 12)
    expect(statements(told, '"phase":"start"')).toBeGreaterThan(0)
  })

  it('of what was typed at a prompt', async () => {
    const proxy = await startProxy(postgres, { server_log })
    const client = await RawClient.connect(proxy.port)
    client.send(startupPacket({ user: 'postgres', database: 'postgres' }))
    for (const text of prompted.map(fill)) client.send(query(text), parse('', text), sync())
    await readies(client, 1 + prompted.length * 2)
    client.end()
    const told = await toldBy(proxy)
    expect(givenAway(told)).toEqual([])
    expect(statements(told, '"text":"<REDACTED>"')).toBe(prompted.length * 2)
  })

  it('in CSV, with backslashes that escape, in another encoding', async () => {
    const proxy = await startProxy(postgres, { audit: { format: 'csv' }, server_log })
    await play(proxy.port, simply)
    await play(proxy.port, simply, {
      settings: { options: '-c standard_conforming_strings=off -c escape_string_warning=off' },
    })
    await play(proxy.port, simply, { before: ['SET standard_conforming_strings = off'] })
    const latin = ({ text }: Sent): readonly Way[] => [
      { name: 'latin', messages: [query(Buffer.from(`/*é*/${text}`, 'latin1'))], ready: 1 },
    ]
    await play(proxy.port, latin, { before: [`SET client_encoding TO 'LATIN1'`] })
    const told = await toldBy(proxy)
    expect(givenAway(told)).toEqual([])
    expect(statements(told, 'AUDIT: SESSION')).toBeGreaterThan(entries.length * 5)
  })

  it('of texts that are too long to be analysed, or of records in the server log', async () => {
    const proxy = await startProxy(postgres, { limits: { analysed: '64KiB' }, server_log })
    const long = `/* ${'x'.repeat(70_000)} */`
    const client = await RawClient.connect(proxy.port)
    client.send(startupPacket({ user: 'postgres', database: 'postgres' }))
    for (const { text } of entries) client.send(query(`${long}${text}`), query(`${text}\n${long}`))
    await readies(client, 1 + entries.length * 2)
    putFileInPlaceOf(proxy.directory)
    await play(proxy.port, simply)
    client.end()
    const told = await toldBy(proxy)
    expect(givenAway(told)).toEqual([])
    const log = [...told].find(([name]) => name.startsWith('server'))?.[1] ?? ''
    expect(log.match(/"statement":/g)?.length ?? 0).toBeGreaterThan(entries.length)
  })

  it('on standard output or standard error, of a process of its own', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-secrets-'))
    const upstream = `postgres://${postgres.host}:${postgres.port}`
    const where = ['--listen', '127.0.0.1:0', '--audit-dir', join(scratch, 'audit')]
    const cli = spawnCli(['run', ...where, '--upstream', upstream], {
      PGWITNESS_SERVER_LOG_LEVEL: 'trace',
      PGWITNESS_UPSTREAM_ACCEPT_TRUST: 'true',
    })
    onTestFinished(() => {
      cli.process.kill('SIGKILL')
    })
    const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
    await play(Number(port), simply)
    putFileInPlaceOf(join(scratch, 'audit'))
    await play(Number(port), simply)
    cli.process.kill('SIGTERM')
    await cli.ended
    rmSync(scratch, { recursive: true })
    expect(givenAway(new Map(Object.entries({ stdout: cli.stdout, stderr: cli.stderr })))).toEqual(
      [],
    )
    expect(cli.stderr.match(/"statement":/g)?.length ?? 0).toBeGreaterThan(entries.length)
  })

  it('of what is no statement: logins, names, function calls, replication commands', async () => {
    const proxy = await startProxy(postgres, { server_log })
    await proxy.catalogKnown()
    for (const startup of startups) {
      const client = await RawClient.connect(proxy.port)
      client.send(startupPacket({ user: 'postgres', database: 'postgres', ...startup }))
      client.send(query('SELECT 1'))
      await client.until((text) => text.includes('SELECT 1\0') || text.includes('FATAL'))
      client.end()
    }
    const client = await RawClient.connect(proxy.port)
    client.send(startupPacket({ user: 'postgres', database: 'postgres' }))
    const named = fill(`ALTER ROLE corpus_a PASSWORD '{secret}'`)
    client.send(parse(named, named), bind(named, named), execute(named), sync())
    client.send(query(fill(`SET application_name = 'password={secret}'`)), query('SELECT 2'))
    client.send(
      functionCall(2078, ['corpus.password', secret, 'false']),
      functionCall(2078, [secret]),
    )
    const oid = await crypt(proxy)
    client.send(functionCall(oid, [secret, 'x']))
    await readies(client, 7)
    client.end()
    await replication(proxy)
    const told = await toldBy(proxy)
    expect(givenAway(told)).toEqual([])
    expect(statements(told, '"protocol":"replication"')).toBeGreaterThan(4)
    expect(statements(told, '"command":"connection refused"')).toBeGreaterThan(3)
  })
})

async function crypt(proxy: ProxyUnderTest): Promise<number> {
  const client = await proxy.client()
  const { rows } = await client.query(`SELECT 'crypt(text,text)'::regprocedure::oid::int AS oid`)
  await client.end()
  return rows[0].oid
}

async function replication(proxy: ProxyUnderTest): Promise<void> {
  const client = await RawClient.connect(proxy.port)
  client.send(startupPacket({ user: 'postgres', database: 'postgres', replication: 'database' }))
  const commands = [
    `BASE_BACKUP (LABEL 'password={secret}', WAL true, TARGET 'nothing', TARGET_DETAIL 'password={secret}')`,
    `BASE_BACKUP (LABEL 'postgres://bob:{secret}@h/d', TARGET 'nothing')`,
    `START_REPLICATION SLOT "none" LOGICAL 0/0 (password '{secret}')`,
    `START_REPLICATION SLOT "none" LOGICAL 0/0 (proto_version 'x', auth_token '{secret}')`,
    `CREATE_REPLICATION_SLOT password '{secret}'`,
    `ALTER ROLE corpus_a PASSWORD '{secret}'`,
  ]
  client.send(...commands.map((text) => query(fill(text))))
  await readies(client, 1 + commands.length)
  client.end()
}
