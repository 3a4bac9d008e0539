/** Where the catalog queries read; a test holds this list against the queries. */
export const catalog_relations = [
  'pg_attribute',
  'pg_auth_members',
  'pg_class',
  'pg_database',
  'pg_db_role_setting',
  'pg_default_acl',
  'pg_depend',
  'pg_namespace',
  'pg_proc',
  'pg_rewrite',
  'pg_roles',
  'pg_settings',
  'pg_shdepend',
  'pg_type',
] as const

/**
 * The script for psql that makes the role of the side connection, or brings one in order that is
 * there. It grants what is missing, which on a server as it was installed is nothing at all, and
 * takes no role that may do more. Attributes that CREATE ROLE leaves off are not named: only a
 * superuser may name them, and managed servers have none.
 */
export function roleScript(role: string): string {
  return `-- The least-privileged role by which pgwitness reads the catalog. For psql, as a role that may
-- create roles; it may run again at any time. What it reads every role may read; where that was
-- revoked, run it in each database. The password is in a file here, not on a command line:
--   (echo '\\set password \`cat catalog-password\`'; pgwitness setup-sql) | psql -d mydb
-- Without that line none is set. This sets one that is typed, and the server never sees it:
--   psql -c '\\password ${shown(role)}'
\\set ON_ERROR_STOP on
\\set role ${psqlWord(role)}

SELECT pg_catalog.format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = :'role') \\gexec

SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
  OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid) AS may_more
FROM pg_catalog.pg_roles r WHERE r.rolname = :'role' \\gset
\\if :may_more
DO $$ BEGIN
  RAISE EXCEPTION 'the role exists and may do more than read the catalog'
    USING HINT = 'Name another with --role, or take away its attributes and memberships.';
END $$;
\\endif

ALTER ROLE :"role" LOGIN;
ALTER ROLE :"role" SET default_transaction_read_only = on;
\\if :{?password}
ALTER ROLE :"role" PASSWORD :'password';
\\endif

-- Where not everybody may connect.
SELECT pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', d.datname, :'role')
FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT pg_catalog.has_database_privilege(:'role', d.oid, 'CONNECT') \\gexec

-- Where not everybody may read the catalog.
SELECT pg_catalog.format('GRANT USAGE ON SCHEMA pg_catalog TO %I', :'role')
WHERE NOT pg_catalog.has_schema_privilege(:'role', 'pg_catalog', 'USAGE') \\gexec
SELECT pg_catalog.format('GRANT SELECT ON pg_catalog.%I TO %I', name, :'role')
FROM pg_catalog.unnest(ARRAY[
${lines(catalog_relations)}
]) AS name
WHERE NOT pg_catalog.has_table_privilege(:'role', 'pg_catalog.' || name, 'SELECT') \\gexec
`
}

function lines(names: readonly string[]): string {
  return names.map((name) => `  '${name}'`).join(',\n')
}

/** A name in a comment: no more of it than cannot end one. */
export function shown(name: string): string {
  return name.replaceAll(/[^\w.-]/g, '?')
}

/** A name as an argument of psql's own commands. */
export function psqlWord(name: string): string {
  return `'${name.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
