import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A SELECT that reads a file of the server.',
  sends: ["SELECT pg_read_file('PG_VERSION')", "SELECT count(*) FROM pg_ls_dir('.')"],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'FUNCTION', object: 'pg_catalog.pg_read_file execute', rule: 'calls' },
    { class: 'FUNCTION', object: 'pg_catalog.pg_ls_dir execute', rule: 'calls' },
  ],
}
