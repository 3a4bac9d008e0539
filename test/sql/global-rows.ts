import type { Row } from './render.js'

/** Objects of the database and the cluster, and remarks on objects. */
export const global_rows: readonly Row[] = [
  {
    sql: 'create extension if not exists e with schema s',
    is: 'DDL CREATE EXTENSION',
    objects: ['EXTENSION/global e DDL create creates', 'SCHEMA/global s DDL reference'],
    effects: ['refresh'],
  },
  {
    sql: 'create foreign data wrapper f handler h',
    is: 'DDL CREATE FOREIGN DATA WRAPPER',
    objects: ['FOREIGN-DATA WRAPPER/global f DDL create creates'],
  },
  {
    sql: 'create server s foreign data wrapper f',
    is: 'DDL CREATE SERVER',
    objects: ['SERVER/global s DDL create creates', 'FOREIGN-DATA WRAPPER/global f DDL reference'],
  },
  {
    sql: "create user mapping for bob server s options (password 'x')",
    is: 'ROLE CREATE USER MAPPING',
    objects: [
      'USER MAPPING/global bob on server s ROLE create creates',
      'SERVER/global s ROLE reference',
    ],
  },
  {
    sql: 'create publication p for table t (a) where (b > 0), tables in schema s',
    is: 'DDL CREATE PUBLICATION',
    objects: [
      'PUBLICATION/global p DDL create creates',
      'TABLE t DDL reference',
      'SCHEMA/global s DDL reference',
    ],
  },
  {
    sql: 'create publication p for all tables',
    is: 'DDL CREATE PUBLICATION',
    objects: ['PUBLICATION/global p DDL create creates'],
  },
  {
    sql: "create subscription s connection 'host=x' publication p",
    is: 'DDL CREATE SUBSCRIPTION',
    objects: ['SUBSCRIPTION/global s DDL create creates'],
  },
  {
    sql: "create tablespace t location '/x'",
    is: 'DDL CREATE TABLESPACE',
    objects: ['TABLESPACE/global t DDL create creates'],
  },
  {
    sql: 'create database d template x',
    is: 'DDL CREATE DATABASE',
    objects: ['DATABASE/global d DDL create creates'],
  },
  {
    sql: 'create language l handler h',
    is: 'DDL CREATE LANGUAGE',
    objects: ['LANGUAGE/global l DDL create creates'],
  },
  {
    sql: 'create access method m type index handler h',
    is: 'DDL CREATE ACCESS METHOD',
    objects: ['ACCESS METHOD/global m DDL create creates'],
  },
  {
    sql: 'create statistics s.st on a, b from t',
    is: 'DDL CREATE STATISTICS',
    objects: ['STATISTICS OBJECT/schema_object s.st DDL create creates', 'TABLE t DDL reference'],
  },
  {
    sql: 'import foreign schema a from server s into d',
    is: 'DDL IMPORT FOREIGN SCHEMA',
    objects: ['SCHEMA/global d DDL alter', 'SERVER/global s DDL reference'],
    effects: ['refresh'],
  },
  {
    sql: 'alter event trigger e disable',
    is: 'DDL ALTER EVENT TRIGGER',
    objects: ['EVENT TRIGGER/global e DDL alter'],
  },
  {
    sql: "alter foreign data wrapper f options (a 'b')",
    is: 'DDL ALTER FOREIGN DATA WRAPPER',
    objects: ['FOREIGN-DATA WRAPPER/global f DDL alter'],
  },
  {
    sql: "alter server s options (set a 'b')",
    is: 'DDL ALTER SERVER',
    objects: ['SERVER/global s DDL alter'],
  },
  {
    sql: "alter user mapping for current_user server s options (set password 'y')",
    is: 'ROLE ALTER USER MAPPING',
    objects: [
      'USER MAPPING/global current_user on server s ROLE alter',
      'SERVER/global s ROLE reference',
    ],
  },
  {
    sql: 'alter publication p add table t, tables in schema s',
    is: 'DDL ALTER PUBLICATION',
    objects: [
      'PUBLICATION/global p DDL alter',
      'TABLE t DDL reference',
      'SCHEMA/global s DDL reference',
    ],
  },
  {
    sql: "alter subscription s connection 'password=x'",
    is: 'DDL ALTER SUBSCRIPTION',
    objects: ['SUBSCRIPTION/global s DDL alter'],
  },
  {
    sql: 'alter extension e update',
    is: 'DDL ALTER EXTENSION',
    objects: ['EXTENSION/global e DDL alter'],
    effects: ['refresh'],
  },
  {
    sql: 'alter extension e add table s.t',
    is: 'DDL ALTER EXTENSION',
    objects: ['EXTENSION/global e DDL alter', 'TABLE s.t DDL alter'],
    effects: ['refresh'],
  },
  {
    sql: 'alter extension e drop function f(int)',
    is: 'DDL ALTER EXTENSION',
    objects: ['EXTENSION/global e DDL alter', 'FUNCTION/function f(integer) DDL alter'],
    effects: ['refresh'],
  },
  {
    sql: 'alter tablespace t set (seq_page_cost = 1)',
    is: 'DDL ALTER TABLESPACE',
    objects: ['TABLESPACE/global t DDL alter'],
  },
  {
    sql: 'alter table all in tablespace a set tablespace b',
    is: 'DDL ALTER TABLE',
    objects: ['TABLESPACE/global a DDL alter', 'TABLESPACE/global b DDL reference'],
  },
  {
    sql: 'alter system set work_mem = 1',
    is: 'DDL ALTER SYSTEM',
    objects: ['PARAMETER/global work_mem DDL alter'],
  },
  { sql: 'alter system reset all', is: 'DDL ALTER SYSTEM' },
  {
    sql: 'alter database d set work_mem = 1',
    is: 'DDL ALTER DATABASE',
    objects: ['DATABASE/global d DDL alter'],
    effects: ['refresh'],
  },
  {
    sql: 'alter database d connection limit 3',
    is: 'DDL ALTER DATABASE',
    objects: ['DATABASE/global d DDL alter'],
  },
  {
    sql: 'alter database d refresh collation version',
    is: 'DDL ALTER DATABASE',
    objects: ['DATABASE/global d DDL alter'],
  },
  {
    sql: 'refresh materialized view s.m',
    is: 'DDL REFRESH MATERIALIZED VIEW',
    objects: ['MATERIALIZED VIEW s.m DDL alter+insert'],
  },
  { sql: "comment on table s.t is 'x'", is: 'DDL COMMENT', objects: ['TABLE s.t DDL alter'] },
  {
    sql: "comment on column s.t.a is 'x'",
    is: 'DDL COMMENT',
    objects: ['TABLE s.t DDL alter [a]'],
  },
  {
    sql: "comment on function f(int) is 'x'",
    is: 'DDL COMMENT',
    objects: ['FUNCTION/function f(integer) DDL alter'],
  },
  {
    sql: "comment on aggregate f(*) is 'x'",
    is: 'DDL COMMENT',
    objects: ['AGGREGATE/function f(*) DDL alter'],
  },
  {
    sql: "comment on constraint c on s.t is 'x'",
    is: 'DDL COMMENT',
    objects: ['TABLE CONSTRAINT/schema_object c on s.t DDL alter', 'TABLE s.t DDL alter'],
  },
  {
    sql: "comment on constraint c on domain d is 'x'",
    is: 'DDL COMMENT',
    objects: ['DOMAIN/type d DDL alter'],
  },
  {
    sql: "comment on trigger g on t is 'x'",
    is: 'DDL COMMENT',
    objects: ['TRIGGER/schema_object g on t DDL alter', 'TABLE t DDL alter'],
  },
  {
    sql: "comment on cast (int as text) is 'x'",
    is: 'DDL COMMENT',
    objects: ['CAST/global (integer AS text) DDL alter'],
  },
  {
    sql: "comment on operator class s.c using btree is 'x'",
    is: 'DDL COMMENT',
    objects: ['OPERATOR CLASS/schema_object s.c USING btree DDL alter'],
  },
  {
    sql: "comment on large object 12 is 'x'",
    is: 'DDL COMMENT',
    objects: ['LARGE OBJECT/global 12 DDL alter'],
  },
  { sql: "comment on role r is 'x'", is: 'DDL COMMENT', objects: ['ROLE/global r DDL alter'] },
  {
    sql: "security label for p on table t is 'x'",
    is: 'DDL SECURITY LABEL',
    objects: ['TABLE t DDL alter'],
  },
  {
    sql: "security label on column t.a is 'x'",
    is: 'DDL SECURITY LABEL',
    objects: ['TABLE t DDL alter [a]'],
  },
]
