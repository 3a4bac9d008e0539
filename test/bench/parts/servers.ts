import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { TestCertificates } from '../../support/certificates.js'
import { contentOf } from '../../support/certificates.js'
import { runTool, versionOf } from '../../support/client-tools.js'
import { debianBinaries, type ScratchPostgres, startPostgres } from '../../support/postgres.js'

/** The servers of a run, with pgbench's tables in them. */
export interface BenchServers {
  readonly version: string
  /** Nothing is loaded into it that costs anything. */
  readonly plain: ScratchPostgres
  /** pgaudit is loaded; undefined where it is not installed. */
  readonly pgaudit: ScratchPostgres | undefined
  /** Throws away the server logs so far: statement logging writes much. */
  discardLogs(): void
  stop(): Promise<void>
}

export interface ServerWishes {
  readonly scale: number
  readonly connections: number
  readonly fsync: boolean
  readonly pgaudit: boolean
  readonly certificates: TestCertificates | undefined
}

/** Debian's PostgreSQL where it is installed (pgaudit is made for that), else the embedded one. */
export const binaries: string | undefined = debianBinaries(15)

/** pgbench of that server, or the one that is on the path. */
export function pgbenchProgram(): string {
  const beside = binaries === undefined ? undefined : join(binaries, 'pgbench')
  if (beside !== undefined && existsSync(beside)) return beside
  if (versionOf('pgbench') !== undefined) return 'pgbench'
  throw new Error('pgbench is not installed (Debian: apt-get install postgresql-contrib)')
}

export function pgauditInstalled(): boolean {
  return binaries !== undefined && existsSync(join(binaries, '..', 'lib', 'pgaudit.so'))
}

/** Starts them. What is measured never waits for the disk unless that is asked for. */
export async function startServers(wishes: ServerWishes): Promise<BenchServers> {
  const plain = await startServer(wishes, {})
  const pgaudit = wishes.pgaudit
    ? await startServer(wishes, { shared_preload_libraries: 'pgaudit' })
    : undefined
  const all = pgaudit === undefined ? [plain] : [plain, pgaudit]
  if (pgaudit !== undefined) await query(pgaudit, 'CREATE EXTENSION pgaudit')
  for (const server of all) await fill(server, wishes.scale)
  const [row] = await query(plain, 'SHOW server_version')
  return {
    version: String(row?.['server_version']),
    plain,
    pgaudit,
    discardLogs: () => {
      for (const server of all) discardLogs(join(server.data_directory, 'log'))
    },
    stop: async () => {
      for (const server of all) await server.stop()
    },
  }
}

function startServer(
  wishes: ServerWishes,
  settings: Readonly<Record<string, string>>,
): Promise<ScratchPostgres> {
  const { certificates } = wishes
  const tls = certificates === undefined ? {} : tlsFiles(certificates)
  return startPostgres({
    ...(binaries === undefined ? {} : { binaries }),
    // How one logs in is not what is measured.
    hba: ['local all all trust', 'host all all 127.0.0.1/32 trust'],
    settings: {
      max_connections: `${wishes.connections}`,
      shared_buffers: '512MB',
      max_wal_size: '8GB',
      checkpoint_timeout: '1h',
      autovacuum: 'off',
      fsync: wishes.fsync ? 'on' : 'off',
      full_page_writes: wishes.fsync ? 'on' : 'off',
      // As distributions have it: to a file, through a process of its own.
      logging_collector: 'on',
      log_rotation_size: '64MB',
      log_filename: '%Y%m%d_%H%M%S.log',
      ...(certificates === undefined
        ? {}
        : { ssl: 'on', ssl_cert_file: 'tls.crt', ssl_key_file: 'tls.key' }),
      ...settings,
    },
    ...tls,
  })
}

function tlsFiles({ cert, key }: TestCertificates) {
  return { files: { 'tls.crt': contentOf(cert), 'tls.key': contentOf(key) } }
}

/** pgbench's own tables, and one to copy into. */
async function fill(server: ScratchPostgres, scale: number): Promise<void> {
  const place = ['-h', server.host, '-p', `${server.port}`, '-U', server.superuser]
  const line = ['-i', '-q', '-s', `${scale}`, ...place, 'postgres']
  const made = await runTool(pgbenchProgram(), line, {})
  if (made.code !== 0) throw new Error(`pgbench -i failed: ${made.stderr}`)
  await query(server, 'CREATE UNLOGGED TABLE bench_copy (LIKE pgbench_accounts)')
  await query(
    server,
    'CREATE TABLE bench_source AS SELECT * FROM pgbench_accounts WHERE aid <= 500000',
  )
  await query(server, 'VACUUM ANALYZE bench_source')
}

/** Runs a statement as the superuser, beside everything that is measured. */
export async function query(
  server: ScratchPostgres,
  text: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { host, port, superuser: user } = server
  const client = new pg.Client({ host, port, user, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query(text)
    return rows
  } finally {
    await client.end()
  }
}

function discardLogs(directory: string): void {
  const files = readdirSync(directory)
    .map((name) => join(directory, name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
  // The last one is being written.
  for (const file of files.slice(0, -1)) rmSync(file)
}
