import type { ConnectionOptions } from 'node:tls'
import { Client, type ClientConfig } from 'pg'
import { limits } from '../lib/limits.js'
import {
  arguments_query,
  bucketOf,
  bucketRelationsQuery,
  buckets_query,
  clock_query,
  columnsQuery,
  default_acls_query,
  fingerprintQuery,
  functions_query,
  hidden_path_query,
  membershipsQuery,
  relations_query,
  roles_query,
  schemas_query,
  server_query,
  settings_query,
  temporaryNamesQuery,
  types_query,
  views_query,
} from './catalog-queries.js'
import type { ClockCheck } from './clock-check.js'
import { containParser } from './contain-parser.js'
import type { RoleGraph } from './roles.js'
import { type CatalogSnapshot, type Row, SnapshotBuilder } from './snapshot.js'

/** Where the side connection goes and as whom. */
export interface SideConnectionOptions {
  /** Host name, address, or the directory of a Unix socket. */
  readonly host: string
  readonly port: number
  /** TLS options of Node; absent: no TLS. */
  readonly ssl?: ConnectionOptions | undefined
  /**
   * When TLS is tried: never without it, or before or after a try without (libpq's `prefer` and
   * `allow`).
   */
  readonly ssl_order?: 'only' | 'first' | 'second'
  readonly user: string
  /** Absent: PGPASSWORD, then ~/.pgpass, then none. */
  readonly password?: string | undefined
}

/** Where the catalog room reports; a pino logger fits. */
export interface CatalogLog {
  warn(object: object, message: string): void
  info(object: object, message: string): void
}

/** Waiting for a server that does not answer must end: others ask for the same snapshot. */
const connect_timeout_ms = 5_000
/** A snapshot of very many relations takes seconds; a lock on a catalog could take for ever. */
const statement_timeout_ms = 60_000
/** Rows that are handled in one turn of the event loop, which the relay shares. */
const rows_per_fetch = 500

/** SQLSTATE 28000, with which `no pg_hba.conf entry` comes; a wrong password is 28P01. */
const invalid_authorization = '28000'
const no_tls_answer = 'The server does not support SSL connections'

/** What one load gave. */
export interface LoadResult {
  /** The given previous one when nothing has changed since. */
  readonly snapshot: CatalogSnapshot
  /** Names of the temporary relations that any session has; undefined where they are too many. */
  readonly temporary: ReadonlySet<string> | undefined
  /** Rows that were read for it. */
  readonly rows: number
  readonly duration_ms: number
}

/** One database's side connection. It opens on demand, and again after a failure. */
export class SideConnection {
  readonly #options: SideConnectionOptions
  readonly #database: string
  readonly #log: CatalogLog
  readonly #clock: ClockCheck | undefined
  #client: Client | undefined
  /** When this connection began, a default hid the server's own search_path from it. */
  #path_hidden = false
  #closed = false
  #loading = false
  #kept = true

  /** `clock` is told the server's time at each new connection. */
  constructor(
    options: SideConnectionOptions,
    database: string,
    log: CatalogLog,
    clock?: ClockCheck,
  ) {
    this.#options = options
    this.#database = database
    this.#log = log
    this.#clock = clock
  }

  /**
   * Reads the database's catalogs in one transaction. Column grants are read only for an audit
   * role. Rejects when the server cannot be reached or refuses; the next call connects anew.
   */
  async load(
    previous: CatalogSnapshot | undefined,
    audit_role: string | undefined,
  ): Promise<LoadResult> {
    const started_ms = performance.now()
    this.#loading = true
    try {
      // Only a new session sees what the server would give one now.
      if (this.#client !== undefined && this.#path_hidden && !(await isPathHidden(this.#client))) {
        await this.#end()
      }
      this.#client ??= await this.#connect()
      const read = await readSnapshot(this.#client, {
        database: this.#database,
        path_hidden: this.#path_hidden,
        previous,
        audit_role,
      })
      return { ...read, duration_ms: performance.now() - started_ms }
    } catch (error) {
      await this.#end()
      throw error
    } finally {
      this.#loading = false
      if (!this.#kept) await this.#end()
    }
  }

  /**
   * Whether the connection stays open between loads. While it is open nobody can drop or rename
   * the database, nor copy it: the server waits five seconds for others to leave
   * (CountOtherDBBackends in procarray.c).
   */
  keep(kept: boolean): void {
    this.#kept = kept
    if (!kept && !this.#loading) void this.#end()
  }

  /** Connects and goes: rejects as a load would, where the role is not let in. */
  async look(): Promise<void> {
    this.#client ??= await this.#connect()
    await this.#end()
  }

  async #readClock(client: Client): Promise<void> {
    if (this.#clock === undefined) return
    const asked_ms = Date.now()
    const [row] = await query(client, clock_query)
    const answered_ms = Date.now()
    this.#clock.compare({ server_ms: Number(row?.[0]), asked_ms, answered_ms })
  }

  /** For good: a load that is under way fails. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#end()
  }

  async #end(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    // A broken connection cannot say goodbye; that it is over is all that is asked of it here.
    await client?.end().catch((error: unknown) => {
      this.#log.info({ database: this.#database, err: error }, 'catalog connection ended uncleanly')
    })
  }

  async #connect(): Promise<Client> {
    const { host, ssl, ssl_order } = this.#options
    if (ssl === undefined || host.startsWith('/')) return await this.#open(false)
    if (ssl_order === undefined || ssl_order === 'only') return await this.#open(ssl)
    const [first, second] = ssl_order === 'first' ? [ssl, false as const] : [false as const, ssl]
    try {
      return await this.#open(first)
    } catch (error) {
      if (!mayServeOtherwise(error)) throw error
      return await this.#open(second)
    }
  }

  async #open(ssl: NonNullable<ClientConfig['ssl']>): Promise<Client> {
    const { host, port, user, password } = this.#options
    const client = new Client({
      host,
      port,
      user,
      database: this.#database,
      ...(password === undefined ? {} : { password }),
      ssl,
      application_name: 'pgwitness catalog',
      keepAlive: true,
      connectionTimeoutMillis: connect_timeout_ms,
      statement_timeout: statement_timeout_ms,
      // Longer than the server's own, so that a dead server ends the wait as well.
      query_timeout: statement_timeout_ms + connect_timeout_ms,
    })
    containParser(client)
    client.on('error', (error) => {
      // An attempt that outlives the catalog ends unheard: the log is closed by then.
      if (this.#closed) return
      this.#log.warn({ database: this.#database, err: error }, 'catalog connection lost')
      if (this.#client === client) this.#client = undefined
    })
    try {
      await client.connect()
      if (this.#closed) throw new Error('the catalog connection was closed')
      await client.query('set search_path to pg_catalog, pg_temp')
      this.#path_hidden = await isPathHidden(client)
      await this.#readClock(client)
    } catch (error) {
      await client.end()
      throw error
    }
    return client
  }
}

/** True for a server without TLS, and for one whose pg_hba.conf has no line for this way to come. */
function mayServeOtherwise(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code: unknown = Reflect.get(error, 'code')
  return error.message === no_tls_answer || code === invalid_authorization
}

/** Every value as the server's text: numbers and lists are read where their meaning is known. */
const raw_types = { getTypeParser: () => (value: string) => value }

async function query(client: Client, text: string): Promise<readonly Row[]> {
  const result = await client.query<(string | null)[]>({ text, rowMode: 'array', types: raw_types })
  return result.rows
}

/** Reads long results in pieces, between which the event loop gets its turn. */
class Reader {
  readonly #client: Client
  /** Rows that were read so far. */
  rows = 0

  constructor(client: Client) {
    this.#client = client
  }

  async each(text: string, onRow: (row: Row) => void): Promise<void> {
    const client = this.#client
    await client.query(`declare pgwitness_rows no scroll cursor for ${text}`)
    for (;;) {
      const rows = await query(client, `fetch ${rows_per_fetch} from pgwitness_rows`)
      for (const row of rows) onRow(row)
      this.rows += rows.length
      if (rows.length < rows_per_fetch) break
    }
    await client.query('close pgwitness_rows')
  }
}

async function isPathHidden(client: Client): Promise<boolean> {
  const [row] = await query(client, hidden_path_query)
  return row?.[0] === 't'
}

type ReadResult = Omit<LoadResult, 'duration_ms'>

interface SnapshotRequest {
  readonly database: string
  readonly path_hidden: boolean
  readonly previous: CatalogSnapshot | undefined
  readonly audit_role: string | undefined
}

async function readSnapshot(client: Client, request: SnapshotRequest): Promise<ReadResult> {
  const { database, previous, audit_role } = request
  const reader = new Reader(client)
  await client.query('begin transaction isolation level repeatable read, read only')
  const builder = new SnapshotBuilder()
  const [server] = await query(client, server_query)
  const [server_version, version, reset_path, boot_path] = server ?? []
  await reader.each(roles_query, (row) => builder.addRole(row))
  await reader.each(membershipsQuery(Number(version)), (row) => builder.addMembership(row))
  // Where our own role's or the database's default hides the server's, the built-in is assumed.
  const search_path = (request.path_hidden ? boot_path : reset_path) ?? ''
  const grantee_oids = audit_role === undefined ? [] : granteeOids(builder.roleGraph(), audit_role)
  const [mark] = await query(client, fingerprintQuery(grantee_oids))
  const fingerprint = [mark?.[0], server_version, search_path, audit_role].join(' ')
  const marks = new Map<number, string>()
  await reader.each(buckets_query, ([bucket, ...of]) => marks.set(Number(bucket), of.join(' ')))
  let snapshot =
    previous?.fingerprint === fingerprint
      ? await readChanges(reader, builder, previous, marks)
      : undefined
  if (snapshot === undefined) {
    await readNames(reader, builder, grantee_oids)
    const header = {
      database,
      server_version: server_version ?? '',
      fingerprint,
      marks,
      search_path,
    }
    snapshot = builder.build(header)
  }
  const temporary = await readTemporaryNames(reader)
  await client.query('commit')
  return { snapshot, temporary, rows: reader.rows }
}

async function readTemporaryNames(reader: Reader): Promise<ReadonlySet<string> | undefined> {
  const names = new Set<string>()
  let count = 0
  await reader.each(temporaryNamesQuery(limits.temporary_names + 1), ([name]) => {
    count += 1
    if (typeof name === 'string') names.add(name)
  })
  return count > limits.temporary_names ? undefined : names
}

/** Reads the relations whose marks have changed; undefined where reading everything is due. */
async function readChanges(
  reader: Reader,
  builder: SnapshotBuilder,
  previous: CatalogSnapshot,
  marks: ReadonlyMap<number, string>,
): Promise<CatalogSnapshot | undefined> {
  const changed: number[] = []
  for (const [bucket, mark] of marks) {
    if (previous.buckets.get(bucket)?.mark !== mark) changed.push(bucket)
  }
  for (const bucket of previous.buckets.keys()) if (!marks.has(bucket)) changed.push(bucket)
  if (changed.length === 0) return previous
  if (changed.length > limits.catalog_patch_buckets) return undefined
  const rows = new Map<number, Row[]>(changed.map((bucket) => [bucket, []]))
  await reader.each(bucketRelationsQuery(changed), (row) => {
    rows.get(bucketOf(Number(row[0])))?.push(row)
  })
  return builder.patched(previous, rows, marks)
}

/** The roles whose grants on columns matter: a superuser has everybody's. */
function granteeOids(roles: RoleGraph, audit_role: string): readonly number[] {
  const names = roles.isSuperuser(audit_role) ? roles.names() : roles.privilegesOf(audit_role)
  return [...names].map((name) => roles.get(name)?.oid).filter((oid) => oid !== undefined)
}

async function readNames(
  reader: Reader,
  builder: SnapshotBuilder,
  grantees: readonly number[],
): Promise<void> {
  await reader.each(schemas_query, (row) => builder.addSchema(row))
  if (grantees.length > 0) {
    await reader.each(columnsQuery(grantees), (row) => builder.addColumn(row))
  }
  await reader.each(relations_query, (row) => builder.addRelation(row))
  await reader.each(views_query, (row) => builder.addView(row))
  await reader.each(arguments_query, (row) => builder.addArguments(row))
  await reader.each(functions_query, (row) => builder.addFunction(row))
  await reader.each(types_query, (row) => builder.addType(row))
  await reader.each(settings_query, (row) => builder.addSetting(row))
  await reader.each(default_acls_query, (row) => builder.addDefaultAcl(row))
}
