import { type Random, randomOf } from '../support/random.js'

/** One thing that a random walk does. */
export type Step =
  | { readonly do: 'run'; readonly session: number; readonly text: string }
  /** What the names mean now, in the eyes of the server and of the trail. */
  | {
      readonly do: 'probe'
      readonly session: number
      readonly kind: 'relation' | 'function'
      readonly name: string
    }
  /** The session ends and another one begins in its place. */
  | { readonly do: 'reconnect'; readonly session: number; readonly options: string | undefined }

/** How a walk goes. */
export interface WalkOptions {
  readonly seed: number
  readonly steps: number
  /** With statements that may do anything unseen: then names may be `assumed`. */
  readonly unseen: boolean
}

/** Who the sessions are; the first is a superuser. */
export const walkers = ['postgres', 'alice', 'Bob'] as const

const long_name = `${'x'.repeat(62)}éé_tail`

const relations = ['t1', 't2', 'T1', '"T1"', '"odd ""n, 1"', long_name, '"ä"'] as const
const functions = ['f1', '"F1"', 'lower'] as const
const schemas = [
  's1',
  's2',
  'alice',
  '"Bob"',
  'public',
  '"Odd ""x, y"',
  'S2',
  `s${long_name}`,
] as const
const roles = ['alice', '"Bob"', 'staff'] as const

/** Makes the sequence of a seed: the same steps for the same seed. */
export function randomWalk({ seed, steps, unseen }: WalkOptions): readonly Step[] {
  const walk: Step[] = []
  const random = randomOf(seed)
  // The generator's first numbers of near seeds are near each other.
  for (let index = 0; index < 10; index++) random(2)
  const statements = new Statements(random)
  for (let index = 0; index < steps; index++) {
    const session = random(walkers.length)
    if (random(40) === 0) {
      const options = random(2) === 0 ? `-c search_path=${statements.plainPath()}` : undefined
      walk.push({ do: 'reconnect', session, options })
    } else {
      const text = unseen && random(8) === 0 ? statements.unseen() : statements.any()
      walk.push({ do: 'run', session, text })
    }
    for (let probes = random(4); probes > 0; probes--) {
      const asked = random(3) === 0 ? random(walkers.length) : session
      const kind = random(6) === 0 ? 'function' : 'relation'
      const name = statements.pick(kind === 'function' ? functions : relations)
      walk.push({ do: 'probe', session: asked, kind, name })
    }
  }
  return walk
}

/** Random statements over few names, so that they hit what others have made. */
class Statements {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.#random(list.length)]
    if (item === undefined) throw new Error('nothing to choose from')
    return item
  }

  any(): string {
    const kinds = [
      ...[this.#path, this.#path, this.#path, this.#role],
      ...[this.#transaction, this.#transaction, this.#transaction],
      ...[this.#create, this.#create, this.#create, this.#create],
      ...[this.#change, this.#change, this.#drop, this.#schema, this.#schema, this.#rights],
    ]
    return this.pick(kinds).call(this)
  }

  /**
   * What the proxy cannot follow, and must be in doubt of for this session. What such code makes and
   * drops for all is known by the next reading alone, as is what is done past the proxy.
   */
  unseen(): string {
    const inner = this.pick([
      `SET search_path = ${this.path()}`,
      `PERFORM set_config('search_path', 's2, s1', false)`,
      `SET ROLE ${this.pick(roles)}`,
      `CREATE TEMP TABLE ${this.relation()} (i int)`,
      `CREATE TEMP TABLE IF NOT EXISTS ${this.relation()} (i int)`,
      'RESET search_path',
    ])
    return this.pick([
      `DO $do$ BEGIN ${inner}; END $do$`,
      `CALL helpers.run($do$${inner.replace('PERFORM', 'SELECT')}$do$)`,
      `SELECT helpers.run_it($do$${inner.replace('PERFORM', 'SELECT')}$do$)`,
      `UPDATE pg_settings SET setting = 's1, s2' WHERE name = 'search_path'`,
    ])
  }

  relation(): string {
    return this.pick(relations)
  }

  path(): string {
    const items: string[] = []
    const wider = [...schemas, ...schemas, '"$user"', 'pg_temp', 'pg_catalog', 'missing']
    for (let left = 1 + this.#random(3); left > 0; left--) items.push(this.pick(wider))
    return items.join(', ')
  }

  /** As a startup option has it: no blanks, which would need to be escaped. */
  plainPath(): string {
    return this.pick(['s1,s2', '"Bob",public', 's2,"$user"', 'pg_temp,s1'])
  }

  #path(): string {
    const path = this.path()
    const literal = `'${path.replaceAll("'", "''")}'`
    return this.pick([
      `SET search_path = ${path}`,
      `SET SESSION search_path TO ${path}`,
      `SET LOCAL search_path = ${path}`,
      `SET LOCAL search_path = ${path}`,
      `SELECT set_config('search_path', ${literal}, false)`,
      `SELECT pg_catalog.set_config('Search_Path', ${literal}, true)`,
      'RESET search_path',
      'SET search_path TO DEFAULT',
      'SET LOCAL search_path TO DEFAULT',
      `SET SCHEMA 's1'`,
      'RESET ALL',
      'DISCARD TEMP',
      'DISCARD ALL',
    ])
  }

  #role(): string {
    const role = this.pick(roles)
    return this.pick([
      `SET ROLE ${role}`,
      `SET LOCAL ROLE ${role}`,
      'SET ROLE NONE',
      'RESET ROLE',
      `SET SESSION AUTHORIZATION ${role}`,
      `SET LOCAL SESSION AUTHORIZATION ${role}`,
      'RESET SESSION AUTHORIZATION',
      'SET SESSION AUTHORIZATION DEFAULT',
      `SELECT set_config('role', 'staff', ${this.pick(['true', 'false'])})`,
    ])
  }

  #transaction(): string {
    const name = this.pick(['a', 'b'])
    const prepared = this.pick(['g1', 'g2'])
    return this.pick([
      ...['BEGIN', 'BEGIN', 'BEGIN', 'BEGIN', 'START TRANSACTION'],
      ...['COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK', 'ROLLBACK', 'COMMIT AND CHAIN'],
      ...['ROLLBACK AND CHAIN', `SAVEPOINT ${name}`, `SAVEPOINT ${name}`, `SAVEPOINT ${name}`],
      ...[`ROLLBACK TO ${name}`, `ROLLBACK TO ${name}`, `RELEASE ${name}`],
      `PREPARE TRANSACTION '${prepared}'`,
      `COMMIT PREPARED '${prepared}'`,
      `ROLLBACK PREPARED '${prepared}'`,
    ])
  }

  #qualified(names: readonly string[]): string {
    const name = this.pick(names)
    const schema = this.#random(2) === 0 ? `${this.pick(schemas)}.` : ''
    return this.#random(12) === 0 ? `pg_temp.${name}` : `${schema}${name}`
  }

  #create(): string {
    const name = this.#qualified(relations)
    const source = this.#qualified(relations)
    const function_name = this.#qualified(functions.slice(0, 2))
    return this.pick([
      `CREATE TABLE ${name} (i int)`,
      `CREATE TABLE ${name} (i int PRIMARY KEY)`,
      `CREATE TABLE ${name} (i serial)`,
      `CREATE TABLE IF NOT EXISTS ${name} (i int)`,
      `CREATE TEMP TABLE ${this.relation()} (i int)`,
      `CREATE TEMP TABLE ${this.relation()} (i int) ON COMMIT DROP`,
      `CREATE TABLE ${name} AS SELECT 1 AS i`,
      `SELECT 1 AS i INTO ${name}`,
      `SELECT 1 AS i INTO TEMP ${this.relation()}`,
      `CREATE VIEW ${name} AS SELECT 1 AS i FROM ${source}`,
      `CREATE OR REPLACE VIEW ${name} AS SELECT 1 AS i FROM ${source}`,
      `CREATE TEMP VIEW ${this.relation()} AS SELECT 1 AS i FROM ${source}`,
      `CREATE MATERIALIZED VIEW ${name} AS SELECT 1 AS i`,
      `CREATE SEQUENCE ${name}`,
      `CREATE TYPE ${name} AS (i int)`,
      `CREATE INDEX ${this.relation()} ON ${source} ((1))`,
      `CREATE TABLE ${name} (LIKE ${source})`,
      `CREATE FUNCTION ${function_name}() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      `CREATE OR REPLACE FUNCTION ${function_name}() RETURNS int LANGUAGE sql AS 'SELECT 2'`,
    ])
  }

  #change(): string {
    const name = this.#qualified(relations)
    const kind = this.pick(['TABLE', 'TABLE', 'TABLE', 'VIEW', 'SEQUENCE', 'INDEX'])
    const function_name = this.#qualified(functions.slice(0, 2))
    return this.pick([
      `ALTER ${kind} ${name} RENAME TO ${this.relation()}`,
      `ALTER ${kind} IF EXISTS ${name} RENAME TO ${this.relation()}`,
      `ALTER TABLE ${name} SET SCHEMA ${this.pick(schemas)}`,
      `ALTER ${kind === 'INDEX' ? 'TABLE' : kind} ${name} SET SCHEMA ${this.pick(schemas)}`,
      `ALTER FUNCTION ${function_name}() RENAME TO ${this.pick(functions.slice(0, 2))}`,
      `ALTER FUNCTION ${function_name} SET SCHEMA ${this.pick(schemas)}`,
      `ALTER TABLE ${name} ADD COLUMN j serial`,
      `ALTER TABLE ${name} RENAME COLUMN i TO k`,
      `ALTER TYPE ${name} RENAME TO ${this.relation()}`,
    ])
  }

  #drop(): string {
    const name = this.#qualified(relations)
    const second = this.#qualified(relations)
    return this.pick([
      `DROP TABLE ${name}`,
      `DROP TABLE ${name} CASCADE`,
      `DROP TABLE IF EXISTS ${name}, ${second} CASCADE`,
      `DROP VIEW ${name} CASCADE`,
      `DROP SEQUENCE ${name} CASCADE`,
      `DROP INDEX ${name}`,
      `DROP FUNCTION ${this.#qualified(functions.slice(0, 2))}`,
      `DROP MATERIALIZED VIEW IF EXISTS ${name}`,
      `DROP OWNED BY ${this.pick(roles)}`,
    ])
  }

  #schema(): string {
    const name = this.pick(schemas)
    return this.pick([
      `CREATE SCHEMA ${name}`,
      `CREATE SCHEMA ${name}`,
      `CREATE SCHEMA IF NOT EXISTS ${name}`,
      `CREATE SCHEMA AUTHORIZATION ${this.pick(roles)}`,
      `CREATE SCHEMA ${name} CREATE TABLE ${this.relation()} (i int) CREATE VIEW t2 AS SELECT 1`,
      `ALTER SCHEMA ${name} RENAME TO ${this.pick(schemas)}`,
      `ALTER SCHEMA ${name} RENAME TO ${this.pick(schemas)}`,
      `DROP SCHEMA ${name} CASCADE`,
      `DROP SCHEMA IF EXISTS ${name}, ${this.pick(schemas)} CASCADE`,
      `DROP SCHEMA ${name}`,
    ])
  }

  #rights(): string {
    const [name, role] = [this.pick(schemas), this.pick([...roles, 'PUBLIC'])]
    return this.pick([
      `GRANT ALL ON SCHEMA ${name} TO ${role}`,
      `GRANT ALL ON SCHEMA ${name} TO ${role}`,
      `REVOKE ALL ON SCHEMA ${name} FROM ${role}`,
      `ALTER SCHEMA ${name} OWNER TO ${this.pick(roles)}`,
      'GRANT staff TO alice',
      'REVOKE staff FROM alice',
      'GRANT staff TO "Bob"',
      `ALTER ROLE alice SET search_path = ${this.path()}`,
      'ALTER ROLE alice RESET ALL',
      `ALTER ROLE ALL IN DATABASE "current walk" SET search_path = ${this.path()}`,
    ])
  }
}
