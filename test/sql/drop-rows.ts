import type { Row } from './render.js'

/** Removals. */
export const drop_rows: readonly Row[] = [
  {
    sql: 'drop table if exists a, s.b',
    is: 'DDL DROP TABLE',
    objects: ['TABLE a DDL drop', 'TABLE s.b DDL drop'],
    effects: ['drop a missing-ok', 'drop s.b missing-ok'],
  },
  {
    sql: 'drop table t cascade',
    is: 'DDL DROP TABLE',
    objects: ['TABLE t DDL drop'],
    effects: ['drop t', 'refresh'],
  },
  { sql: 'drop view v', is: 'DDL DROP VIEW', objects: ['VIEW v DDL drop'], effects: ['drop v'] },
  {
    sql: 'drop materialized view m',
    is: 'DDL DROP MATERIALIZED VIEW',
    objects: ['MATERIALIZED VIEW m DDL drop'],
    effects: ['drop m'],
  },
  {
    sql: 'drop index concurrently i',
    is: 'DDL DROP INDEX',
    objects: ['INDEX i DDL drop'],
    effects: ['drop i'],
  },
  {
    sql: 'drop sequence s.q',
    is: 'DDL DROP SEQUENCE',
    objects: ['SEQUENCE s.q DDL drop'],
    effects: ['drop s.q'],
  },
  {
    sql: 'drop foreign table t',
    is: 'DDL DROP FOREIGN TABLE',
    objects: ['FOREIGN TABLE t DDL drop'],
    effects: ['drop t'],
  },
  {
    sql: 'drop type s.t, u',
    is: 'DDL DROP TYPE',
    objects: ['TYPE/type s.t DDL drop', 'TYPE/type u DDL drop'],
    effects: ['drop s.t', 'drop u'],
  },
  {
    sql: 'drop domain d',
    is: 'DDL DROP DOMAIN',
    objects: ['DOMAIN/type d DDL drop'],
    effects: ['drop d'],
  },
  {
    sql: 'drop function f(int, out text, variadic a.b[]), s.g, h()',
    is: 'DDL DROP FUNCTION',
    objects: [
      'FUNCTION/function f(integer, a.b[]) DDL drop',
      'FUNCTION/function s.g DDL drop',
      'FUNCTION/function h() DDL drop',
    ],
    effects: ['drop f', 'drop s.g', 'drop h'],
  },
  {
    sql: 'drop procedure p',
    is: 'DDL DROP PROCEDURE',
    objects: ['PROCEDURE/function p DDL drop'],
    effects: ['drop p'],
  },
  {
    sql: 'drop routine r(double precision)',
    is: 'DDL DROP ROUTINE',
    objects: ['ROUTINE/function r(double precision) DDL drop'],
    effects: ['drop r'],
  },
  {
    sql: 'drop aggregate a(int order by text), b(*)',
    is: 'DDL DROP AGGREGATE',
    objects: ['AGGREGATE/function a(integer, text) DDL drop', 'AGGREGATE/function b(*) DDL drop'],
    effects: ['drop a', 'drop b'],
  },
  {
    sql: 'drop operator s.+ (int, int), -(none, int)',
    is: 'DDL DROP OPERATOR',
    objects: [
      'OPERATOR/schema_object s.+(integer, integer) DDL drop',
      'OPERATOR/schema_object -(NONE, integer) DDL drop',
    ],
  },
  {
    sql: 'drop operator class s.c using btree',
    is: 'DDL DROP OPERATOR CLASS',
    objects: ['OPERATOR CLASS/schema_object s.c USING btree DDL drop'],
  },
  {
    sql: 'drop operator family f using btree',
    is: 'DDL DROP OPERATOR FAMILY',
    objects: ['OPERATOR FAMILY/schema_object f USING btree DDL drop'],
  },
  {
    sql: 'drop schema a, b',
    is: 'DDL DROP SCHEMA',
    objects: ['SCHEMA/global a DDL drop', 'SCHEMA/global b DDL drop'],
    effects: ['drop_schema a', 'drop_schema b'],
  },
  {
    sql: 'drop trigger g on s.t',
    is: 'DDL DROP TRIGGER',
    objects: ['TRIGGER/schema_object g on s.t DDL drop', 'TABLE s.t DDL alter'],
  },
  {
    sql: 'drop rule r on t',
    is: 'DDL DROP RULE',
    objects: ['RULE/schema_object r on t DDL drop', 'TABLE t DDL alter'],
  },
  {
    sql: 'drop policy p on t',
    is: 'DDL DROP POLICY',
    objects: ['POLICY/schema_object p on t DDL drop', 'TABLE t DDL alter'],
  },
  {
    sql: 'drop cast (int as s.t)',
    is: 'DDL DROP CAST',
    objects: ['CAST/global (integer AS s.t) DDL drop'],
  },
  {
    sql: 'drop transform for int language sql',
    is: 'DDL DROP TRANSFORM',
    objects: ['TRANSFORM/global for integer on language sql DDL drop'],
  },
  {
    sql: 'drop collation s.c',
    is: 'DDL DROP COLLATION',
    objects: ['COLLATION/schema_object s.c DDL drop'],
  },
  {
    sql: 'drop conversion c',
    is: 'DDL DROP CONVERSION',
    objects: ['CONVERSION/schema_object c DDL drop'],
  },
  {
    sql: 'drop text search parser s.p',
    is: 'DDL DROP TEXT SEARCH PARSER',
    objects: ['TEXT SEARCH PARSER/schema_object s.p DDL drop'],
  },
  {
    sql: 'drop text search dictionary d',
    is: 'DDL DROP TEXT SEARCH DICTIONARY',
    objects: ['TEXT SEARCH DICTIONARY/schema_object d DDL drop'],
  },
  {
    sql: 'drop text search template t',
    is: 'DDL DROP TEXT SEARCH TEMPLATE',
    objects: ['TEXT SEARCH TEMPLATE/schema_object t DDL drop'],
  },
  {
    sql: 'drop text search configuration c',
    is: 'DDL DROP TEXT SEARCH CONFIGURATION',
    objects: ['TEXT SEARCH CONFIGURATION/schema_object c DDL drop'],
  },
  {
    sql: 'drop statistics s.t',
    is: 'DDL DROP STATISTICS',
    objects: ['STATISTICS OBJECT/schema_object s.t DDL drop'],
  },
  {
    sql: 'drop extension e, f',
    is: 'DDL DROP EXTENSION',
    objects: ['EXTENSION/global e DDL drop', 'EXTENSION/global f DDL drop'],
    effects: ['refresh'],
  },
  { sql: 'drop server s', is: 'DDL DROP SERVER', objects: ['SERVER/global s DDL drop'] },
  {
    sql: 'drop foreign data wrapper f',
    is: 'DDL DROP FOREIGN DATA WRAPPER',
    objects: ['FOREIGN-DATA WRAPPER/global f DDL drop'],
  },
  { sql: 'drop language l', is: 'DDL DROP LANGUAGE', objects: ['LANGUAGE/global l DDL drop'] },
  {
    sql: 'drop event trigger e',
    is: 'DDL DROP EVENT TRIGGER',
    objects: ['EVENT TRIGGER/global e DDL drop'],
  },
  {
    sql: 'drop publication p',
    is: 'DDL DROP PUBLICATION',
    objects: ['PUBLICATION/global p DDL drop'],
  },
  {
    sql: 'drop access method m',
    is: 'DDL DROP ACCESS METHOD',
    objects: ['ACCESS METHOD/global m DDL drop'],
  },
  {
    sql: 'drop subscription s',
    is: 'DDL DROP SUBSCRIPTION',
    objects: ['SUBSCRIPTION/global s DDL drop'],
  },
  {
    sql: 'drop tablespace t',
    is: 'DDL DROP TABLESPACE',
    objects: ['TABLESPACE/global t DDL drop'],
  },
  { sql: 'drop database d', is: 'DDL DROP DATABASE', objects: ['DATABASE/global d DDL drop'] },
  {
    sql: 'drop user mapping for public server s',
    is: 'DDL DROP USER MAPPING',
    objects: ['USER MAPPING/global public on server s DDL drop', 'SERVER/global s DDL reference'],
  },
  {
    sql: 'drop owned by a, b cascade',
    is: 'DDL DROP OWNED',
    objects: ['ROLE/global a DDL reference', 'ROLE/global b DDL reference'],
    effects: ['opaque temporary', 'refresh'],
  },
  {
    sql: 'reassign owned by a to b',
    is: 'DDL REASSIGN OWNED',
    objects: ['ROLE/global a DDL reference', 'ROLE/global b DDL reference'],
    effects: ['refresh'],
  },
]
