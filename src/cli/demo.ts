import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { runDemoSession } from './demo-session.js'
import { type EmbeddedServer, startEmbeddedServer } from './embedded-server.js'
import { showRecords } from './show-records.js'
import { listenForStop } from './stop-signals.js'

/** What `pgwitness demo` was asked for. */
export interface DemoOptions {
  /** Whether the scripted session runs. */
  readonly session: boolean
  /** Whether to end after it. */
  readonly exit: boolean
  readonly format: 'json' | 'csv'
  /** Default 7432 or the next free one; 0 for any. */
  readonly port?: number
  readonly audit_directory?: string
}

const host = '127.0.0.1'
const first_port = 7432
const port_tries_max = 20

/** Shows pgwitness before a scratch PostgreSQL, until it is interrupted. Gives the exit status. */
export async function demo(options: DemoOptions): Promise<number> {
  const signals = listenForStop()
  const server = await startEmbeddedServer()
  try {
    const scratch_directory = mkdtempSync(join(tmpdir(), 'pgwitness-demo-'))
    const config = await demoConfig(options, server, scratch_directory)
    const { startApp } = await import('../app.js')
    const app = await startApp(config, {})
    const records_file = join(config.audit.directory, 'current')
    try {
      announce(server, app.address.port, records_file)
      if (options.session)
        await showSession(server, app.address.port, config.audit.directory, options.format)
      if (!options.exit) {
        process.stdout.write('\nStill up: connect as above. Ctrl-C stops it.\n')
        await signals.requested
      }
    } finally {
      await app.stop('demo ended')
    }
    process.stdout.write(`The records stay in ${config.audit.directory}\n`)
  } finally {
    await server.stop()
    signals.release()
  }
  return 0
}

async function demoConfig(
  options: DemoOptions,
  server: EmbeddedServer,
  scratch_directory: string,
): Promise<Config> {
  const port = options.port ?? (await nextFreePort())
  return loadConfig({
    settings: {
      instance: 'demo',
      listen: { host },
      upstream: { host: server.host, port: server.port },
      catalog: { user: server.user },
      audit: { directory: join(scratch_directory, 'audit'), format: options.format },
      rules: [{ name: 'demo', class: ['READ', 'WRITE', 'CONNECT', 'ERROR'] }],
      // The terminal is for the session and its records.
      server_log: { file: join(scratch_directory, 'server.log') },
    },
    env: { PGPASSWORD: server.password },
    flags: {
      listen: `${host}:${port}`,
      ...(options.audit_directory === undefined
        ? {}
        : { audit_directory: options.audit_directory }),
    },
  })
}

/** The usual port, the next one that is free, or any: several demos may run at once. */
async function nextFreePort(): Promise<number> {
  for (let port = first_port; port < first_port + port_tries_max; port++) {
    if (await isFree(port)) return port
  }
  return 0
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, host)
    await once(probe, 'listening')
    probe.close()
    await once(probe, 'close')
    return true
  } catch {
    // Whatever keeps us from listening there, it is no port for us.
    return false
  }
}

function announce(server: EmbeddedServer, port: number, records_file: string): void {
  const url = `postgres://${server.user}:${server.password}@${host}:${port}/postgres`
  const lines = [
    'pgwitness stands before a scratch PostgreSQL that ends with this command.',
    '',
    `  connect   psql "${url}"`,
    '            (any driver takes that URL; the password is random, and only good here)',
    `  records   tail -F ${records_file}`,
    '  stop      Ctrl-C',
    '',
    'Its one rule asks for READ, WRITE, CONNECT and ERROR; DDL, SET and the like leave no record.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

async function showSession(
  server: EmbeddedServer,
  port: number,
  directory: string,
  format: 'json' | 'csv',
): Promise<void> {
  process.stdout.write('\nA short session through it:\n\n')
  const session = await runDemoSession({
    host,
    port,
    user: server.user,
    password: server.password,
    report: (line) => process.stdout.write(`  ${line}\n`),
  })
  process.stdout.write('\nThe records that it left:\n\n')
  await showRecords(directory, format, session)
}
