import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres()
})

afterAll(async () => {
  await postgres.stop()
})

async function page(proxy: ProxyUnderTest, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${proxy.app.admin_port}${path}`)
  return await response.text()
}

/** The figure of a metric for the database `postgres`. */
async function figure(proxy: ProxyUnderTest, name: string): Promise<number> {
  const line = new RegExp(`^pgwitness_catalog_${name}\\{database="postgres"\\} (.*)$`, 'm')
  return Number(line.exec(await page(proxy, '/metrics'))?.[1])
}

it('says that the audit role does not exist, and stops when it does', async () => {
  const proxy = await startProxy(postgres, {
    object_audit: { role: 'late "auditor"' },
    admin: { host: '127.0.0.1', port: 0 },
    server_log: { level: 'info' },
  })
  const client = await proxy.client()
  const missing = 'the role of object_audit does not exist: "late \\"auditor\\""'
  const degraded = async () =>
    (JSON.parse(await page(proxy, '/readyz')) as { degraded: string[] }).degraded.filter(
      // That the machine of the tests has little room left is no news here.
      (line) => !line.endsWith('% full'),
    )
  await expect.poll(degraded).toEqual([missing])
  expect(await figure(proxy, 'audit_role_missing')).toBe(1)
  await client.query('CREATE ROLE "late ""auditor"""')
  await expect.poll(degraded).toEqual([])
  expect(await figure(proxy, 'audit_role_missing')).toBe(0)
  await client.query('DROP ROLE "late ""auditor"""')
  await expect.poll(degraded).toEqual([missing])
  await proxy.stop()
  const directory = dirname(proxy.directory)
  const told = readdirSync(directory)
    .filter((name) => name.startsWith('server'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => /audit role exists now|audit_role_missing/.test(line))
  expect(told.map((line) => line.includes('audit_role_missing'))).toEqual([true, false, true])
  expect(JSON.parse(told[0] ?? '')).toMatchObject({
    code: 'catalog.audit_role_missing',
    database: 'postgres',
    role: 'late "auditor"',
  })
  await proxy.finish()
})

it('tells how old the grants are, and whether they have changed since', async () => {
  const proxy = await startProxy(postgres, {
    object_audit: { role: 'postgres' },
    admin: { host: '127.0.0.1', port: 0 },
  })
  const client = await proxy.client()
  await expect.poll(() => figure(proxy, 'loads')).toBeGreaterThan(0)
  expect(await figure(proxy, 'relations')).toBeGreaterThan(100)
  const first = await figure(proxy, 'age_seconds')
  expect(first).toBeGreaterThan(0)
  await expect.poll(() => figure(proxy, 'age_seconds')).toBeGreaterThan(first)
  const loads = await figure(proxy, 'loads')
  await client.query('CREATE TABLE granted (id int); GRANT SELECT ON granted TO PUBLIC')
  await expect.poll(() => figure(proxy, 'loads')).toBeGreaterThan(loads)
  await expect.poll(() => figure(proxy, 'grants_in_doubt')).toBe(0)
  await proxy.finish()
})
