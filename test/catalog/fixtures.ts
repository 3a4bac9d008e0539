import { Client } from 'pg'
import {
  type CatalogSourceOptions,
  DatabaseCatalogSource,
} from '../../src/catalog/catalog-source.js'
import type {
  NameContext,
  Resolution,
  ResolvedObject,
  SessionCatalog,
} from '../../src/catalog/names.js'
import type { CatalogChange, ObjectReference, StatementFacts } from '../../src/sql/facts.js'
import type { ScratchPostgres } from '../support/postgres.js'

/** The side connection's role in the tests: it may log in and nothing else. */
export const witness = { name: 'witness', password: 'witness-secret' }

/** A log port that keeps what it is told. */
export class RecordingLog {
  readonly warnings: string[] = []
  /** The codes of the warnings that have one. */
  readonly codes: unknown[] = []
  readonly infos: string[] = []
  warn(object: object, message: string): void {
    this.warnings.push(message)
    if ('code' in object) this.codes.push(object.code)
  }
  info(_object: object, message: string): void {
    this.infos.push(message)
  }
}

/** A superuser's connection that is to be ended by the test. */
export async function connect(
  server: ScratchPostgres,
  { database = 'postgres', user = 'postgres', password = server.password } = {},
): Promise<Client> {
  const { host, port } = server
  const client = new Client({ host, port, database, user, password, ssl: false })
  await client.connect()
  return client
}

/** A source that is connected to the server as the ordinary role `witness`, which it makes. */
export async function openSource(
  server: ScratchPostgres,
  options: Partial<CatalogSourceOptions> = {},
): Promise<DatabaseCatalogSource> {
  const client = await connect(server)
  await client.query(`do $$ begin
    if not exists (select from pg_roles where rolname = '${witness.name}') then
      create role ${witness.name} login password '${witness.password}';
    end if; end $$`)
  await client.end()
  return new DatabaseCatalogSource({
    server: {
      host: server.host,
      port: server.port,
      user: witness.name,
      password: witness.password,
    },
    refresh_ms: 3_600_000,
    log: new RecordingLog(),
    ...options,
  })
}

/** A source without a side connection. */
export function openUnconnected(): DatabaseCatalogSource {
  return new DatabaseCatalogSource({ refresh_ms: 1_000, log: new RecordingLog() })
}

let last_version = 0

/** A context with a version of its own, as a session gives each change. */
export function context(changes: Partial<NameContext> = {}): NameContext {
  last_version += 1
  return {
    database: 'postgres',
    session_user: changes.current_user ?? 'postgres',
    current_user: 'postgres',
    search_path: ['$user', 'public'],
    search_path_doubted: false,
    ...changes,
    version: last_version,
  }
}

/** A reference to a relation that is read; `schema.name` and `name` are understood. */
export function relation(text: string, changes: Partial<ObjectReference> = {}): ObjectReference {
  return reference('relation', text, {
    type: 'TABLE',
    class: 'READ',
    access: ['select'],
    ...changes,
  })
}

export function reference(
  lookup: ObjectReference['lookup'],
  text: string,
  changes: Partial<ObjectReference> = {},
): ObjectReference {
  const [first = '', second] = text.split('.')
  return {
    lookup,
    ...(second === undefined ? { name: first } : { schema: first, name: second }),
    type: lookup.toUpperCase(),
    class: 'DDL',
    access: ['alter'],
    ...changes,
  }
}

export function statement(...objects: readonly ObjectReference[]): StatementFacts {
  return {
    start: 0,
    end: 0,
    text: '',
    node: 'SelectStmt',
    class: 'READ',
    command: 'SELECT',
    tags: ['SELECT'],
    objects,
    effects: [],
    secret_parameters: false,
    reason: 'made by a test',
  }
}

export function resolve(
  names: SessionCatalog,
  object: ObjectReference,
  in_context: NameContext = context(),
): Resolution {
  return names.resolve(statement(object), in_context)
}

/** The first object of a resolution: the one that was asked for. */
export function resolveOne(
  names: SessionCatalog,
  object: ObjectReference,
  in_context: NameContext = context(),
): ResolvedObject {
  const [first] = resolve(names, object, in_context).objects
  if (first === undefined) throw new Error('nothing was resolved')
  return first
}

/** `name (how)`, for short comparisons. */
export function brief(object: ResolvedObject): string {
  return `${object.name} (${object.resolved})`
}

/** The change that CREATE makes. */
export function creation(
  object: ObjectReference,
  changes: Partial<Extract<CatalogChange, { readonly change: 'create' }>> = {},
): CatalogChange {
  return {
    change: 'create',
    object: { ...object, creates: true },
    relkind: object.lookup === 'relation' ? 'r' : '',
    if_not_exists: false,
    ...changes,
  }
}
