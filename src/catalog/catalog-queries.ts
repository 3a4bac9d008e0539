/**
 * The questions of the side connection. They read only catalogs that every role may read (never
 * pg_authid), run with search_path pinned to pg_catalog (which settles the operators), and name
 * everything else in full. They work from PostgreSQL 12 on.
 */

/** Other sessions' temporary objects come and go and are nobody else's business. */
const lasting_schema = "n.nspname !~ '^pg_(toast_)?temp_' and n.nspname <> 'pg_toast'"

/** 99 is PG_TOAST_NAMESPACE (pg_namespace.dat). */
const lasting_relation = "c.relpersistence <> 't' and c.relnamespace <> 99"

/** Row types and arrays are left out: a relation's name says as much, and they are two a table. */
const named_type = "t.typrelid = 0 and t.typcategory <> 'A'"

/** Oids below this are pinned: pg_shdepend knows nothing of grants to such roles (transam.h). */
const first_normal_oid = 16_384

/** Version numbers as server_version_num has them. */
const per_grant_inheritance = 160_000

/** version, version number, search_path of this session's start and the built-in one. */
export const server_query = `
  select pg_catalog.current_setting('server_version'),
    pg_catalog.current_setting('server_version_num'), s.reset_val, s.boot_val
  from pg_catalog.pg_settings s where s.name = 'search_path'`

/** The server's clock, in milliseconds since 1970. */
export const clock_query =
  'select (extract(epoch from pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8'

/** Whether a default of our own role or of the database hides the server's search_path from us. */
export const hidden_path_query = `
  select exists (
    select from pg_catalog.pg_db_role_setting d
      cross join lateral pg_catalog.unnest(d.setconfig) as setting
    where d.setrole in (0, (select r.oid from pg_catalog.pg_roles r where r.rolname = session_user))
      and d.setdatabase in (0, (select b.oid from pg_catalog.pg_database b
                                where b.datname = pg_catalog.current_database()))
      and setting like 'search\\_path=%')`

export const roles_query = 'select r.oid, r.rolname, r.rolsuper from pg_catalog.pg_roles r'

/** Since PostgreSQL 16 each grant says whether it is inherited; before, the member's role did. */
export function membershipsQuery(version: number): string {
  const inherit = version >= per_grant_inheritance ? 'm.inherit_option' : 'r.rolinherit'
  // The owner of a database is a member of pg_database_owner without a grant (acl.c).
  return `
  select m.roleid, m.member, ${inherit} from pg_catalog.pg_auth_members m
    join pg_catalog.pg_roles r on r.oid = m.member
  union all
  select o.oid, d.datdba, true from pg_catalog.pg_roles o, pg_catalog.pg_database d
  where o.rolname = 'pg_database_owner' and d.datname = pg_catalog.current_database()`
}

/**
 * The relations that have grants on columns. A role that is not pinned leaves a trace of each such
 * grant in pg_shdepend, save on what it owns (aclchk.c, updateAclDependencies); for others
 * pg_attribute must be searched, which is long in a large one.
 */
function columnGrantRelations(grantees: readonly number[]): string {
  if (grantees.some((oid) => oid < first_normal_oid)) {
    return 'select a.attrelid from pg_catalog.pg_attribute a where a.attacl is not null'
  }
  // 1259 is pg_class.
  return `select s.objid from pg_catalog.pg_shdepend s
    where s.classid = 1259 and s.objsubid <> 0 and s.deptype = 'a' and s.dbid =
      (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    union all select b.attrelid from pg_catalog.pg_class o
      join pg_catalog.pg_attribute b on b.attrelid = o.oid and b.attacl is not null
    where o.relowner in (${grantees.join(', ')})`
}

/** One number for a row's identity and version: any change gives it a new xmin. */
function rowVersion(alias: string): string {
  return `pg_catalog.sum(pg_catalog.hashint8((${alias}.oid::pg_catalog.int8 << 32)
    | ${alias}.xmin::pg_catalog.text::pg_catalog.int8))`
}

function rowText(alias: string): string {
  return `pg_catalog.sum(pg_catalog.hashtext(${alias}::pg_catalog.text))`
}

/** Relations are compared, and read again, by ranges of 1,024 oids: few rows are few bytes. */
const bucket_bits = 10

/**
 * The ranges of oids that relations are in, each with a mark that changes with any of its rows.
 * Which row has changed, come or gone is not asked: nothing tells of rows that are gone.
 */
export const buckets_query = `
  select c.oid::pg_catalog.int8 >> ${bucket_bits}, pg_catalog.count(*), ${rowVersion('c')}
  from pg_catalog.pg_class c where ${lasting_relation} group by 1`

/** The bucket of a relation's oid. */
export function bucketOf(oid: number): number {
  // Oids have 32 bits, which the operators of JavaScript would take for signed.
  return Math.floor(oid / 2 ** bucket_bits)
}

/** The relations of some buckets, by the index on oid. */
export function bucketRelationsQuery(buckets: readonly number[]): string {
  const ranges = buckets.map((bucket) => {
    const first = bucket * 2 ** bucket_bits
    return `c.oid between '${first}' and '${first + 2 ** bucket_bits - 1}'`
  })
  return `${relations_query} and (${ranges.join(' or ')})`
}

/**
 * A text that changes whenever anything changes that the other queries read, relations apart. It
 * costs the server about a tenth of what reading everything costs the two of us.
 */
export function fingerprintQuery(grantees: readonly number[]): string {
  const parts = [
    `select pg_catalog.count(*), ${rowVersion('n')} from pg_catalog.pg_namespace n where ${lasting_schema}`,
    `select pg_catalog.count(*), ${rowVersion('p')} from pg_catalog.pg_proc p`,
    `select pg_catalog.count(*), ${rowVersion('t')} from pg_catalog.pg_type t where ${named_type}`,
    `select pg_catalog.count(*), ${rowVersion('w')} from pg_catalog.pg_rewrite w`,
    `select pg_catalog.count(*), ${rowVersion('d')} from pg_catalog.pg_default_acl d`,
    `select pg_catalog.count(*), ${rowText('m')} from pg_catalog.pg_auth_members m`,
    `select pg_catalog.count(*), ${rowText('s')} from pg_catalog.pg_db_role_setting s`,
    `select pg_catalog.count(*), ${rowText('r')} from (${roles_query}) r`,
    `select pg_catalog.count(*), ${rowText('b')} from (select d.oid, d.datdba
      from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()) b`,
  ]
  if (grantees.length > 0) {
    parts.push(`select pg_catalog.count(*), ${rowText('g')} from (${columnsQuery(grantees)}) g`)
  }
  const rows = parts.map((part) => `(select row(f.*)::pg_catalog.text from (${part}) f)`)
  return `select pg_catalog.concat_ws(' ', ${rows.join(',\n')})`
}

export const schemas_query = `
  select n.oid, n.nspname, n.nspowner, n.nspacl from pg_catalog.pg_namespace n
  where ${lasting_schema}`

export function columnsQuery(grantees: readonly number[]): string {
  return `
  select a.attrelid, a.attname, a.attacl::pg_catalog.text from pg_catalog.pg_attribute a
  where a.attnum > 0 and not a.attisdropped and a.attrelid in (${columnGrantRelations(grantees)})`
}

export const relations_query = `
  select c.oid, c.relnamespace, c.relname, c.relkind, c.relowner, c.relacl
  from pg_catalog.pg_class c where ${lasting_relation}`

/** The names of all temporary relations of all sessions, and how many are asked for. */
export function temporaryNamesQuery(most: number): string {
  return `select c.relname from pg_catalog.pg_class c
    where c.relpersistence = 't' and c.relkind <> 't' limit ${most}`
}

/**
 * What views are made of. pg_depend names the relations that can be dropped; the server's own are
 * pinned and leave no trace there, so the range table in the rule's action is read as well
 * (outfuncs.c writes `:relid <oid>`; a blank inside a name would be escaped).
 */
export const views_query = `
  with view_rule as (
    select w.oid, w.ev_class, w.ev_action from pg_catalog.pg_rewrite w
      join pg_catalog.pg_class c on c.oid = w.ev_class
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm') and w.ev_type = '1' and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema'))
  select b.view, pg_catalog.string_agg(b.base::pg_catalog.text, ',') from (
    select v.ev_class as view, d.refobjid as base from view_rule v
      join pg_catalog.pg_depend d
        on d.classid = 2618 and d.objid = v.oid and d.refclassid = 1259 and d.deptype = 'n'
    union
    select v.ev_class, pg_catalog.substring(part, '^[0-9]+')::pg_catalog.oid from view_rule v
      cross join lateral pg_catalog.unnest(
        (pg_catalog.string_to_array(v.ev_action::pg_catalog.text, ':relid '))[2:]) as part
    where part ~ '^[0-9]+ ') b
  group by b.view`

/** Every list of argument types, in words: some thousand functions share a few hundred. */
export const arguments_query = `
  select p.proargtypes::pg_catalog.text, pg_catalog.oidvectortypes(p.proargtypes)
  from pg_catalog.pg_proc p group by p.proargtypes`

export const functions_query = `
  select p.oid, p.pronamespace, p.proname, p.proowner, p.proargtypes::pg_catalog.text, p.proacl,
    p.prokind
  from pg_catalog.pg_proc p`

export const types_query = `
  select t.typnamespace, t.typname, t.typowner from pg_catalog.pg_type t where ${named_type}`

export const settings_query = `
  select s.setdatabase <> 0, s.setrole, setting from pg_catalog.pg_db_role_setting s
    cross join lateral pg_catalog.unnest(s.setconfig) as setting
  where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d
                              where d.datname = pg_catalog.current_database()))`

export const default_acls_query = `
  select d.defaclrole, d.defaclnamespace, d.defaclobjtype, d.defaclacl::pg_catalog.text
  from pg_catalog.pg_default_acl d where d.defaclobjtype in ('r', 'S')`
