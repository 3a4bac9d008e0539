import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A large object takes the contents of a file, or a file those of a large object.',
  sends: [
    "SELECT lo_import('PG_VERSION', 4711)",
    "SELECT lo_export(4711, 'stolen_copy')",
    'SELECT lo_get(4711)',
  ],
  effect: [["SELECT pg_read_file('stolen_copy') = pg_read_file('PG_VERSION')", 't']],
  trail: [
    { class: 'FUNCTION', object: 'pg_catalog.lo_import execute', rule: 'calls' },
    { class: 'FUNCTION', object: 'pg_catalog.lo_export execute', rule: 'calls' },
    { class: 'FUNCTION', object: 'pg_catalog.lo_get execute', rule: 'calls' },
  ],
}
