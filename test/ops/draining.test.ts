import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { startApp } from '../../src/app.js'
import { loadConfig } from '../../src/config/load.js'
import { startPostgres } from '../support/postgres.js'

test('the pages go on while sessions are drained, and say that nobody new is served', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-draining-'))
  const postgres = await startPostgres()
  const env = {
    PGWITNESS_LISTEN_PORT: '0',
    PGWITNESS_UPSTREAM_HOST: postgres.host,
    PGWITNESS_UPSTREAM_PORT: `${postgres.port}`,
    PGWITNESS_ADMIN_PORT: '0',
    PGWITNESS_AUDIT_DIRECTORY: join(scratch, 'audit'),
    PGWITNESS_DRAIN: '10m',
  }
  const app = await startApp(loadConfig({ env }), {})
  const ask = async (page: string) => await fetch(`http://127.0.0.1:${app.admin_port}/${page}`)
  const connected = async (port: number) => {
    const { superuser: user, password } = postgres
    const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  expect((await ask('readyz')).status).toBe(200)
  const holder = await connected(postgres.port)
  await holder.query('SELECT pg_advisory_lock(7)')
  const client = await connected(app.address.port)
  const busy = client.query('SELECT pg_advisory_lock(7)')
  const waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
  await expect.poll(async () => (await holder.query(waits)).rowCount).toBe(1)
  const stopped = app.stop('over')
  const ready = await ask('readyz')
  expect(ready.status).toBe(503)
  // That the machine of the tests has little room left is no news here.
  expect(await ready.json()).toMatchObject({
    ready: false,
    degraded: { 0: 'pgwitness is stopping' },
  })
  expect((await ask('healthz')).status).toBe(200)
  expect(await (await ask('metrics')).text()).toContain('\npgwitness_sessions 1\n')
  await holder.query('SELECT pg_advisory_unlock(7)')
  await busy
  await stopped
  await expect(ask('healthz')).rejects.toThrow('fetch failed')
  await holder.end()
  await postgres.stop()
  rmSync(scratch, { recursive: true })
})
