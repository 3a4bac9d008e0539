import pg from 'pg'
import type { ScratchPostgres } from '../support/postgres.js'

/** As the superuser, past the proxy. */
export async function administer(
  postgres: ScratchPostgres,
  database: string,
  ...texts: readonly string[]
): Promise<void> {
  const { host, port } = postgres
  const client = new pg.Client({ host, port, user: 'postgres', database })
  await client.connect()
  for (const text of texts) await client.query(text)
  await client.end()
}

/** What the conversations speak of, in a database that is only copied. */
export async function makeModel(postgres: ScratchPostgres): Promise<void> {
  await administer(
    postgres,
    'postgres',
    'CREATE ROLE trusted SUPERUSER LOGIN',
    'CREATE DATABASE model_talk',
  )
  await administer(
    postgres,
    'model_talk',
    'CREATE TABLE item (n int)',
    'CREATE TABLE deferred (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    `CREATE FUNCTION notices(n int) RETURNS int LANGUAGE plpgsql AS
      $$BEGIN FOR i IN 1 .. n LOOP RAISE NOTICE 'number %', i; END LOOP; RETURN n; END$$`,
  )
}

/** A new copy of the model in the place of the last one. */
export async function renewDatabase(postgres: ScratchPostgres): Promise<void> {
  await administer(
    postgres,
    'postgres',
    'DROP DATABASE IF EXISTS talk WITH (FORCE)',
    'CREATE DATABASE talk TEMPLATE model_talk',
  )
}
