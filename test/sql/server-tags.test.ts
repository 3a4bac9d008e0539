import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { analyseOne } from './render.js'

/** One statement a line, in an order in which a fresh server accepts all but the marked ones. */
const script = `
drop schema if exists s cascade
create schema s
create schema if not exists authorization postgres
create role bob password 'x'
create user alice
create group grp
create table s.t (a int primary key, b int, c text)
create table t (a int primary key, b int, c text)
create table u (a int primary key, b int)
create temp table tmp (like t) on commit drop
create unlogged table t2 as select * from t
create table t3 as select 1 as x with no data
create table if not exists t3 as select 1 as x
select * into t4 from t
create materialized view m as select * from t
create materialized view m2 as select * from t with no data
refresh materialized view m
create view v as select * from t
create recursive view rv(a) as select 1 union all select a+1 from rv where a < 3
create index i on t (b)
create sequence q
alter sequence q restart
create type ty as (a int)
create type en as enum ('a')
create type ra as range (subtype=int)
create type shell
create domain d as int
create function f(int) returns int language sql as 'select 1'
create procedure p() language sql as 'select 1'
create aggregate ag(int) (sfunc=int4pl, stype=int)
create operator s.+ (leftarg=int, rightarg=int, function=int4pl)
create operator family fam using btree
create operator class oc for type int using btree family fam as operator 1 <
create collation co from "C"
create text search configuration tc (copy=pg_catalog.simple)
create text search dictionary td (template=simple)
create text search parser tp (start=prsd_start, gettoken=prsd_nexttoken, end=prsd_end, lextypes=prsd_lextype)
create text search template tt (lexize=dsimple_lexize)
create conversion cv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8
create cast (en as int) with inout
create function trg() returns trigger language plpgsql as 'begin return new; end'
create function evt() returns event_trigger language plpgsql as 'begin end'
create trigger g before insert on t for each row execute function trg()
create event trigger e on ddl_command_start execute function evt()
create rule r as on insert to u do also select 1
create policy po on t using (true)
create foreign data wrapper fdw
create server srv foreign data wrapper fdw
create foreign table ft (a int) server srv
create user mapping for bob server srv options (user 'x')
alter user mapping for bob server srv options (set user 'y')
drop user mapping for bob server srv
create publication pub for table t
create subscription sub connection 'dbname=x' publication p with (connect=false)
alter subscription sub disable
alter subscription sub set (slot_name=none)
create access method am type table handler heap_tableam_handler
create statistics st on a, b from t
comment on table t is 'x'
comment on column t.a is 'x'
alter table t add column z int
alter table t rename column z to zz
alter view v rename column c to cc
alter materialized view m rename column c to cc
alter index i rename to i2
alter table t rename constraint t_pkey to t_pk
alter view v rename to v2
alter view v2 set schema s
alter view s.v2 owner to postgres
alter materialized view m rename to mm
alter sequence q rename to qq
alter foreign table ft rename to ft2
alter foreign table ft2 add column b int
alter foreign table ft2 rename column b to c
alter type ty rename to tyy
alter type tyy rename attribute a to b
alter type tyy add attribute c int
alter type en add value 'b'
alter type en owner to postgres
alter domain d rename to dd
alter domain dd add constraint cc check (value > 0)
alter domain dd rename constraint cc to ccc
alter domain dd set schema s
alter function f(int) rename to ff
alter function ff(int) strict
alter function ff(int) owner to postgres
alter function ff(int) depends on extension plpgsql
alter procedure p() rename to pp
alter routine pp() rename to p
alter procedure p() security definer
alter routine p() owner to postgres
alter aggregate ag(int) rename to agg
alter operator s.+(int,int) owner to postgres
alter operator s.+(int,int) set (restrict=none)
alter operator family fam using btree rename to fam2
alter operator class oc using btree rename to oc2
alter operator family fam2 using btree add operator 1 <(int,int8)
alter collation co rename to co2
alter text search configuration tc rename to tc2
alter text search configuration tc2 alter mapping for asciiword with td
alter text search dictionary td (accept=true)
alter text search parser tp rename to tp2
alter text search template tt rename to tt2
alter conversion cv rename to cv2
alter trigger g on t rename to gg
alter event trigger e disable
alter event trigger e rename to ee
alter rule r on u rename to rr
alter policy po on t rename to poo
alter policy poo on t using (false)
alter foreign data wrapper fdw options (a 'b')
alter foreign data wrapper fdw rename to fdw2
alter server srv options (a 'b')
alter server srv rename to srv2
alter publication pub set (publish='insert')
alter publication pub rename to pub2
alter subscription sub rename to sub2
alter statistics st set statistics 3
alter statistics st rename to st2
alter schema s rename to s9
alter schema s9 rename to s
alter schema s owner to postgres
create database db1
alter database db1 rename to db2
alter database db2 set work_mem = '4MB'
alter database db2 connection limit 3
alter database db2 owner to postgres
alter database db2 refresh collation version
drop database db2
create tablespace tsp location ''
alter tablespace tsp set (seq_page_cost=1)
alter tablespace tsp rename to tsp2
alter table all in tablespace tsp2 set tablespace pg_default
drop tablespace tsp2
alter system set work_mem = '4MB'
alter system reset work_mem
alter role bob rename to bobby
alter user bobby rename to bob
alter role bob createdb
alter user bob set work_mem = '4MB'
alter group grp add user bob
alter default privileges grant select on tables to bob
grant select on t to bob
revoke select on t from bob
grant grp to alice
revoke grp from alice
grant execute on function ff(int) to bob
grant usage on schema s to bob
insert into t values (1,2,'x')
insert into t(a) select 5 returning *
update t set b = 3
delete from t where a = 5
merge into t using u on t.a=u.a when matched then delete
with x as (insert into t values (9, 9, 'x') returning *) select * from x
with x as (select 1) delete from u
select * from t for update
values (1)
table t
copy (select 1) to stdout
copy t to '/dev/null'
truncate u
begin
lock table t
savepoint sp
rollback to sp
release sp
set transaction isolation level read committed
declare c cursor for select * from t
fetch 1 from c
move 1 from c
close c
close all
set constraints all deferred
commit and chain
rollback and chain
commit
start transaction
select 1/0
commit
begin
abort
begin
prepare transaction 'g'
rollback prepared 'g'
begin
prepare transaction 'g'
commit prepared 'g'
prepare ps as delete from u
execute ps
explain execute ps
deallocate ps
deallocate all
explain select 1
explain analyze select 1
explain analyze create table ea as select 1
explain declare c cursor for select 1
do $$ begin end $$
call p()
set work_mem = '5MB'
set time zone 'UTC'
set role bob
reset role
reset all
set session authorization bob
reset session authorization
set session characteristics as transaction read write
show work_mem
show all
listen x
notify x
unlisten *
load 'plpgsql'
checkpoint
discard plans
discard temp
discard sequences
discard all
vacuum t
analyze t
reindex table t
cluster t using t_pk
reindex schema s
create extension if not exists plpgsql
alter extension plpgsql update
create language lx handler plpgsql_call_handler
alter language lx rename to ly
drop language ly
select lo_create(77)
alter large object 77 owner to postgres
create transform for int language plpgsql (from sql with function prsd_lextype(internal))
drop policy poo on t
drop rule rr on u
drop trigger gg on t
drop event trigger ee
drop statistics st2
drop access method am
drop publication pub2
drop subscription sub2
drop foreign table ft2
drop server srv2
drop foreign data wrapper fdw2
drop cast (en as int)
drop conversion cv2
drop text search configuration tc2
drop text search dictionary td
drop text search parser tp2
drop text search template tt2
drop collation co2
drop operator class oc2 using btree
drop operator family fam2 using btree
drop operator s.+(int,int)
drop aggregate agg(int)
drop function ff(int)
drop routine p()
drop domain s.dd
drop type tyy, en, ra, shell
drop sequence qq
drop index i2
drop materialized view mm, m2
drop view s.v2
drop view rv
drop table t, u, t2, t3, t4, ea cascade
drop schema s, postgres cascade
drop owned by bob
reassign owned by bob to postgres
drop role bob, alice
drop group grp
drop procedure if exists nope()
`

/** What the server refuses on purpose, to leave a failed transaction behind. */
const refused: ReadonlySet<string> = new Set(['select 1/0'])

describe('the tags of a real server', () => {
  let postgres: ScratchPostgres
  let client: pg.Client

  beforeAll(async () => {
    postgres = await startPostgres({
      settings: {
        wal_level: 'logical',
        max_prepared_transactions: '5',
        allow_in_place_tablespaces: 'on',
      },
    })
    const { host, port, password } = postgres
    client = new pg.Client({ host, port, password, user: 'postgres', database: 'postgres' })
    await client.connect()
  })

  afterAll(async () => {
    await client.end()
    await postgres.stop()
  })

  it('are among those that the parse expects', async () => {
    let tag = ''
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
    connection.on('commandComplete', (message: { readonly text: string }) => {
      tag = message.text.replace(/(?: \d+)+$/, '')
    })
    const kinds = new Set<string>()
    const wrong: string[] = []
    for (const sql of script.trim().split('\n')) {
      const { tags, node } = analyseOne(sql)
      if (refused.has(sql)) {
        await expect(client.query(sql)).rejects.toThrow('division by zero')
        continue
      }
      await client.query(sql).catch((error: unknown) => {
        throw new Error(`${sql}: ${String(error)}`)
      })
      kinds.add(node)
      if (!tags.includes(tag) && !tags.includes('*')) wrong.push(`${sql}: ${tag}`)
    }
    expect(wrong).toEqual([])
    expect(kinds.size).toBeGreaterThan(100)
  })
})
