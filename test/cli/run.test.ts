import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EmbeddedServer, startEmbeddedServer } from '../../src/cli/embedded-server.js'
import { runToEnd, type SpawnedCli, spawnCli, written } from './spawn-cli.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-run-'))
let server: EmbeddedServer

beforeAll(async () => {
  server = await startEmbeddedServer()
})

afterAll(async () => {
  await server.stop()
  rmSync(directory, { recursive: true })
})

const listening = /listening on 127\.0\.0\.1:(\d+) for (\S+); connect with (.*); records in (.*)\n/

async function started(name: string): Promise<{ cli: SpawnedCli; port: number; file: string }> {
  const audit_directory = join(directory, name)
  const cli = spawnCli([
    ...['run', '--listen', '127.0.0.1:0', '--audit-dir', audit_directory],
    ...['--upstream', `postgres://127.0.0.1:${server.port}`],
  ])
  const [, port, upstream, connect, file] = await written(cli, 'stderr', listening)
  expect(upstream).toBe(`127.0.0.1:${server.port}`)
  expect(connect).toBe(`psql -h 127.0.0.1 -p ${port}`)
  expect(file).toBe(join(audit_directory, 'current'))
  return { cli, port: Number(port), file: file ?? '' }
}

async function connected(port: number): Promise<pg.Client> {
  const { user, password } = server
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' })
  client.on('error', () => {
    // The end of the proxy is the end of the session; the tests look at the proxy.
  })
  await client.connect()
  return client
}

test('relays, records, and stops in order at SIGTERM', async () => {
  const { cli, port, file } = await started('order')
  const client = await connected(port)
  await client.query('SELECT 42 AS answer')
  await client.end()
  cli.process.kill('SIGTERM')
  expect(await cli.ended).toBe(0)
  expect(cli.stderr).toContain('SIGTERM: stopping')
  const records = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(records.some((line) => line.includes('SELECT 42 AS answer'))).toBe(true)
  expect(JSON.parse(records.at(-2) ?? '')).toMatchObject({ class: 'AUDIT', command: 'audit.stop' })
})

test('SIGHUP reads the configuration again', async () => {
  const { cli, port } = await started('hangup')
  cli.process.kill('SIGHUP')
  await written(cli, 'stderr', /"changed":\[\],"msg":"the configuration was reloaded"/)
  const client = await connected(port)
  await client.end()
  cli.process.kill('SIGINT')
  expect(await cli.ended).toBe(0)
})

test('a second signal ends at once', async () => {
  const { cli, port } = await started('twice')
  const client = await connected(port)
  const interrupted = expect(client.query('SELECT pg_sleep(600)')).rejects.toThrow()
  cli.process.kill('SIGINT')
  await written(cli, 'stderr', /SIGINT: stopping/)
  cli.process.kill('SIGINT')
  expect(await cli.ended).toBe(130)
  expect(cli.stderr).toContain('SIGINT again')
  await interrupted
})

test('a port in use is told with a hint and without a stack', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { status, stdout, stderr } = await runToEnd([
    ...['run', '--listen', `127.0.0.1:${port}`, '--audit-dir', join(directory, 'in-use')],
  ])
  holder.close()
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/pgwitness: listen\.in_use: .*\n {2}hint: Another process/)
  expect(stderr).not.toContain('    at ')
})

test('a configuration that is wrong is told before anything is started', async () => {
  const { status, stderr } = await runToEnd(['run', '--upstream', 'postgres://a:hunter2@h'])
  expect(status).toBe(1)
  expect(stderr).toContain('pgwitness: config.secret_on_command_line')
  expect(stderr).not.toContain('hunter2')
})
