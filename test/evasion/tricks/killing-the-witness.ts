import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A superuser ends the connections by which the auditor knows the names.',
  sends: [
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'pgwitness catalog' AND datname = current_database()",
    'DELETE FROM secret.account WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'FUNCTION', object: 'pg_catalog.pg_terminate_backend execute', rule: 'calls' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
