import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bind, execute, parse, query, sync } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

const secret = 'Geheim123x'

/** With values: sent by Parse and Bind. Many fail, some cannot be parsed; none may be kept. */
const statements: readonly (readonly [string, ...string[]])[] = [
  [`CREATE ROLE r1 PASSWORD '${secret}'`],
  [`CREATE ROLE r1 PASSWORD '${secret}'`],
  [`ALTER USER r1 WITH ENCRYPTED PASSWORD E'${secret}'`],
  [`ALTER ROLE nobody PASSWORD '${secret}'`],
  [`ALTER ROLE r1 VALID UNTIL 'x' PASSWORD '${secret}'`],
  [`ALTER ROLE r1 PASSWORT '${secret}'`],
  [`ALTER ROLE r1 PASSWORD ${secret}`],
  [`ALTER ROLE r1 PASSWORD "${secret}"`],
  [`ALTER ROLE r1 PASSWORD $$${secret}$$ oops`],
  [`ALTER ROLE r1 PASSWORD '${secret}`],
  [`ALTERROLE r1 PASSWORD '${secret}'`],
  [`SELEC 1; ALTER ROLE r1 PASSWORD '${secret}'`],
  [`SELECT 1; ALTER ROLE r1 PASSWORD '${secret}'; SELECT 2`],
  [`CREATE USER MAPPING FOR r1 SERVER x OPTIONS (user 'u', password '${secret}')`],
  [`CREATE SUBSCRIPTION s CONNECTION 'host=nowhere password=${secret}' PUBLICATION p`],
  [`DO $$ BEGIN EXECUTE 'ALTER ROLE r1 PASSWORD ''${secret}'''; END $$`],
  [`SELECT dblink_connect('host=x password=${secret}')`],
  [`SELECT set_config('my.password', '${secret}', false)`],
  [`SET my.password = '${secret}'`],
  ['ALTER ROLE r1 PASSWORD $1', secret],
  ['ALTER ROLE r1 PASWORD $1', secret],
  ['SET my.password = $1', secret],
  [`SELECT set_config('my.password', $1, false)`, secret],
  [`PREPARE setter (text) AS SELECT set_config('my.password', $1, false)`],
  [`EXECUTE setter ('${secret}')`],
  [`EXECUTE setter ('${secret}' || '')`],
  [`CREATE TABLE kept AS EXECUTE setter ('${secret}')`],
]

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    hba: ['host all trusted 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'],
  })
})

afterAll(async () => {
  await postgres.stop()
})

it('keeps no password in the trail or the server log, whatever became of the statement', async () => {
  const proxy = await startProxy(postgres, { server_log: { level: 'debug' } })
  const client = await proxy.client()
  await client.query('CREATE ROLE trusted LOGIN SUPERUSER')
  for (const [text, ...values] of statements) {
    await client.query(text, values.length === 0 ? undefined : values).catch(() => undefined)
  }
  await client.end()
  await proxy.client({ password: secret }).catch(() => undefined)
  const raw = await RawClient.connect(proxy.port)
  raw.send(startupPacket({ user: 'trusted', database: 'postgres' }))
  await raw.until((text) => text.includes('Z\0\0\0\x05I'))
  // Never executed, bound only, in another encoding than announced, with backslashes that count.
  raw.send(parse('unused', `ALTER ROLE r1 PASSWORD '${secret}'`), sync())
  raw.send(parse('', 'ALTER ROLE r1 PASSWORD $1'), bind('', '', [secret]), execute(), sync())
  raw.send(query(Buffer.from(`ALTER ROLE r1 PASSWORD '${secret}\xff'`, 'latin1')))
  raw.send(query('SET standard_conforming_strings = off'))
  raw.send(query(`ALTER ROLE r1 PASSWORD 'a\\'${secret}'`))
  await raw.until((text) => (text.match(/Z\0\0\0\x05/g)?.length ?? 0) === 6)
  raw.end()
  const scratch = dirname(proxy.directory)
  await proxy.stop()
  const lines = await proxy.lines()
  const kept = lines.filter((line) => line.includes(secret) || line.includes('123x'))
  const logs = readdirSync(scratch).filter((name) => name.startsWith('server'))
  expect(logs.length).toBeGreaterThan(0)
  for (const name of logs) expect(readFileSync(join(scratch, name), 'utf8')).not.toContain(secret)
  expect(kept).toEqual([])
  const records = statementsOf(await proxy.finish())
  expect(records.length).toBeGreaterThanOrEqual(statements.length)
  expect(records.map((record) => record.statement?.text)).toContain('EXECUTE setter (<REDACTED>)')
})
