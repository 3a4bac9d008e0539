import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'CREATE SCHEMA takes statements of its own: a table, a view and a GRANT under one tag.',
  sends: [
    `CREATE SCHEMA fine CREATE VIEW v AS SELECT * FROM secret.account
     GRANT SELECT ON v TO PUBLIC`,
  ],
  effect: [["SELECT has_table_privilege('pg_monitor', 'fine.v', 'SELECT')", 't']],
  trail: [{ class: 'ROLE', command: 'CREATE SCHEMA', object: 'secret.account reference' }],
}
