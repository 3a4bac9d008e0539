import type { Random } from '../random.js'

/** Random statements: mostly valid ones over the objects of `schema.ts`, and what spoils a session. */

const names = ['a', 'b', 'c d'] as const
const quoted = (name: string) => (name === 'c d' ? '"c d"' : name)

/** What reads, and may be a cursor, a COPY, an EXPLAIN, the body of a PREPARE. */
function reading(random: Random): string {
  const n = random.below(10)
  return random.pick([
    `SELECT ${n}`,
    `SELECT n FROM t WHERE n > ${n}`,
    `SELECT count(*) FROM t, u, other.t AS o`,
    `SELECT * FROM generate_series(1, ${n})`,
    `TABLE w`,
    `VALUES (${n}), (2)`,
    `SELECT 1 / (${n} - 5)`,
    `SELECT n FROM v ORDER BY n LIMIT 3`,
    `WITH x AS (SELECT n FROM t) SELECT sum(n) FROM x`,
    `SELECT immutable_failure(${n})`,
    `SELECT words /* of ; many */ FROM w -- and; no more`,
    `SELECT 'a;b', $$c;d$$, E'e\\';f', U&'\\0061', "n" FROM t`,
    `SELECT $q$ $$ ; $q$ || 'x'`,
    `SELECT n FROM missing`,
    `SELECT pg_sleep(0.00${n})`,
    `SELECT current_setting('search_path'), current_user`,
    `SELECT '\u00c3\u00a9', n FROM t`,
    `SELECT n FROM t FOR UPDATE`,
  ])
}

function writing(random: Random): string {
  const n = random.below(10)
  return random.pick([
    `INSERT INTO t VALUES (${n})`,
    `INSERT INTO t SELECT n FROM t LIMIT 2 RETURNING n`,
    `INSERT INTO u VALUES (${random.below(3)})`,
    `INSERT INTO w (words, d) VALUES ('x', ${n}) RETURNING *`,
    `INSERT INTO w (id, words) VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET words = 'z'`,
    `UPDATE t SET n = n + 1 WHERE n < ${n}`,
    `UPDATE v SET n = ${n} WHERE n = 2`,
    `DELETE FROM t WHERE n = ${n} RETURNING n`,
    `DELETE FROM other.t`,
    `WITH x AS (INSERT INTO t VALUES (${n}) RETURNING n) SELECT * FROM x`,
    `WITH x AS (DELETE FROM u RETURNING n) INSERT INTO t SELECT n FROM x`,
    `MERGE INTO t USING u ON t.n = u.n WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (u.n)`,
    `SELECT wr(${n})`,
    `SELECT wr(n) FROM generate_series(1, 3) AS s (n)`,
    `INSERT INTO t SELECT wr(${n})`,
    `INSERT INTO t VALUES ('no number')`,
  ])
}

function transaction(random: Random): string {
  return random.pick([
    ...['BEGIN', 'BEGIN', 'START TRANSACTION READ ONLY', 'BEGIN ISOLATION LEVEL SERIALIZABLE'],
    ...['COMMIT', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN'],
    ...['SAVEPOINT s', 'SAVEPOINT s2', 'ROLLBACK TO s', 'RELEASE s', 'ROLLBACK TO SAVEPOINT s2'],
    ...["PREPARE TRANSACTION 'g'", "COMMIT PREPARED 'g'", "ROLLBACK PREPARED 'g'"],
    ...['SET CONSTRAINTS ALL IMMEDIATE', 'SET TRANSACTION READ ONLY', 'LOCK TABLE t'],
  ])
}

function settings(random: Random): string {
  const local = random.pick(['', '', 'LOCAL ', 'SESSION '])
  return random.pick([
    `SET ${local}standard_conforming_strings = off`,
    `SET ${local}standard_conforming_strings = on`,
    `SET ${local}backslash_quote = on`,
    `SET ${local}client_encoding = 'LATIN1'`,
    `SET ${local}client_encoding = 'SJIS'`,
    `SET ${local}client_encoding = 'UTF8'`,
    `SET ${local}search_path = other, public`,
    `SET ${local}search_path = public`,
    `SET ${local}search_path TO ''`,
    `SELECT set_config('search_path', 'other', ${random.pick(['true', 'false'])})`,
    `UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'`,
    'RESET standard_conforming_strings',
    'RESET ALL',
    'DISCARD ALL',
    'DISCARD PLANS',
    'DISCARD TEMP',
    `SET ${local}ROLE fuzz_reader`,
    'SET ROLE NONE',
    'RESET ROLE',
    'SET SESSION AUTHORIZATION fuzz_reader',
    'RESET SESSION AUTHORIZATION',
    'SHOW search_path',
    `SET ${local}statement_timeout = '${random.pick(['0', '2s'])}'`,
    `DO $$BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END$$`,
  ])
}

/** Texts that two lexing modes or encodings read differently. */
function ambiguous(random: Random): string {
  return random.pick([
    `SELECT 'a\\'', n FROM t --'`,
    `SELECT 'a\\'; INSERT INTO t VALUES (1) --'`,
    `SELECT '\\''; DELETE FROM t; --'`,
    `SELECT E'\\\\'; SELECT '\\\\'`,
    `SELECT '\u0083\u005c', n FROM t --'`,
    `SELECT '\u00e9'`,
    `SELECT "\u00c3\u00a9" FROM t`,
    `SELECT '\\x41'::bytea; SELECT 2`,
  ])
}

function named(random: Random): string {
  const name = quoted(random.pick(names))
  return random.pick([
    `PREPARE ${name} AS ${random.once(2) ? reading(random) : writing(random)}`,
    `PREPARE ${name} (int) AS INSERT INTO t VALUES ($1)`,
    `PREPARE ${name} (int) AS SELECT n FROM t WHERE n > $1`,
    `EXECUTE ${name}`,
    `EXECUTE ${name}`,
    `EXECUTE ${name} (${random.below(10)})`,
    `DEALLOCATE ${name}`,
    'DEALLOCATE ALL',
    `DECLARE ${name} CURSOR FOR ${reading(random)}`,
    `DECLARE ${name} SCROLL CURSOR WITH HOLD FOR ${reading(random)}`,
    `FETCH ${random.pick(['1', 'ALL', 'NEXT', 'BACKWARD 1', '0'])} FROM ${name}`,
    `MOVE 1 IN ${name}`,
    `CLOSE ${name}`,
    'CLOSE ALL',
    `EXPLAIN EXECUTE ${name}`,
    `CREATE TABLE x AS EXECUTE ${name}`,
    `UPDATE t SET n = 0 WHERE CURRENT OF ${name}`,
  ])
}

function defining(random: Random): string {
  const n = random.below(3)
  return random.pick([
    `CREATE TABLE x${n} (n int)`,
    `CREATE TEMP TABLE t (n int, k int)`,
    `CREATE TEMP TABLE x${n} (n int) ON COMMIT DROP`,
    `CREATE TEMP TABLE y AS ${reading(random)}`,
    `SELECT n INTO x${n} FROM t`,
    `SELECT n INTO TEMP z FROM t`,
    `DROP TABLE x${n}`,
    `DROP TABLE IF EXISTS x${n}, y`,
    'DROP TABLE pg_temp.t',
    `ALTER TABLE x${n} ADD m int`,
    `ALTER TABLE x${n} RENAME TO x${(n + 1) % 3}`,
    `ALTER TABLE x${n} SET SCHEMA other`,
    `INSERT INTO x${n} VALUES (1)`,
    `TRUNCATE t, u`,
    `TRUNCATE x${n}`,
    `CREATE INDEX ON t (n)`,
    `CREATE VIEW vx AS SELECT n FROM t`,
    `CREATE OR REPLACE VIEW v AS SELECT n FROM t WHERE n > 1`,
    `DROP VIEW IF EXISTS vx`,
    `CREATE MATERIALIZED VIEW mx AS SELECT n FROM t`,
    `REFRESH MATERIALIZED VIEW mx`,
    `COMMENT ON TABLE t IS 'a; b'`,
    `GRANT SELECT ON t TO PUBLIC`,
    `REVOKE SELECT ON t FROM PUBLIC`,
    `CREATE FUNCTION fx() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2'`,
    `CREATE FUNCTION fx2() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END`,
    `CREATE SCHEMA s${n} CREATE TABLE st (n int)`,
    `DROP SCHEMA IF EXISTS s${n} CASCADE`,
    'VACUUM t',
    'ANALYZE t',
    'CLUSTER',
    'REINDEX TABLE t',
  ])
}

function other(random: Random): string {
  const inner = random.once(2) ? reading(random) : writing(random)
  return random.pick([
    `EXPLAIN ${inner}`,
    `EXPLAIN ANALYZE ${inner}`,
    `EXPLAIN (ANALYZE, FORMAT json) ${inner}`,
    `COPY (${inner}) TO STDOUT`,
    `COPY (${inner}) TO STDOUT (FORMAT binary)`,
    `COPY t TO STDOUT`,
    `COPY t FROM STDIN`,
    `COPY w (words) FROM STDIN (FORMAT csv)`,
    `DO $$BEGIN PERFORM wr(1); END$$`,
    `DO $$BEGIN COMMIT; END$$`,
    `DO $$BEGIN RAISE EXCEPTION 'no'; END$$`,
    `CALL pr(${random.below(10)})`,
    'LISTEN c',
    `NOTIFY c, 'x'`,
    'UNLISTEN *',
    `SELECT lo_creat(-1)`,
    `SELECT nextval('w_id_seq')`,
    `SELECT query_to_xml('SELECT n FROM t', true, true, '')`,
    `SELEC 1`,
    `SELECT 1 FROM`,
    `SELECT '`,
    `SELECT /* `,
    '',
    ';',
    ';;',
    '-- nothing',
    ' ; SELECT 1 ;; ',
    `SELECT ${'1 + '.repeat(random.below(300))} 1`,
    `SELECT '${'x'.repeat(random.once(30) ? random.below(20000) : random.below(40))}'`,
    'CHECKPOINT',
    `SELECT pg_cancel_backend(pg_backend_pid())`,
    `SET password.x = 'geheim'`,
    `ALTER ROLE fuzz_reader PASSWORD 'geheim'`,
  ])
}

const kinds: readonly ((random: Random) => string)[] = [
  ...[reading, reading, writing, writing, transaction, transaction],
  ...[named, named, settings, ambiguous, defining, other],
]

/** One statement, as bytes given one to a character. */
export function statement(random: Random): string {
  return random.pick(kinds)(random)
}

/** A statement for Parse, now and then with parameters. */
export function parameterised(random: Random): { readonly text: string; readonly count: number } {
  const text = random.pick([
    'SELECT $1::int + 1',
    'INSERT INTO t VALUES ($1) RETURNING n',
    'SELECT n FROM t WHERE n = $1',
    'UPDATE t SET n = $1 WHERE n = 1',
    'SELECT $1::small',
    'SELECT immutable_failure($1)',
    'SELECT 10 / $1::int',
  ])
  return random.once(3) ? { text, count: 1 } : { text: statement(random), count: 0 }
}
