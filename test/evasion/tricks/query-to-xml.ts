import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function of pg_catalog reads a table that is named in a string.',
  sends: [
    "SELECT query_to_xml('SELECT owner FROM secret.account', false, true, '')",
    "SELECT table_to_xml('secret.account', false, true, '')",
    "SELECT schema_to_xml('secret', false, true, '')",
  ],
  effect: [[accounts_left, '3']],
  answers: 'ann',
  trail: [
    { class: 'FUNCTION', object: 'pg_catalog.query_to_xml execute', rule: 'calls' },
    { class: 'FUNCTION', object: 'pg_catalog.table_to_xml execute', rule: 'calls' },
    { class: 'FUNCTION', object: 'pg_catalog.schema_to_xml execute', rule: 'calls' },
  ],
}
