import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A setting of the whole server, in a file, for the next start.',
  sends: ["ALTER SYSTEM SET log_statement = 'none'", 'SELECT pg_reload_conf()'],
  effect: [["SELECT pg_read_file('postgresql.auto.conf') LIKE '%log_statement%'", 't']],
  trail: [
    { class: 'DDL', command: 'ALTER SYSTEM' },
    { class: 'FUNCTION', object: 'pg_catalog.pg_reload_conf execute', rule: 'calls' },
  ],
}
