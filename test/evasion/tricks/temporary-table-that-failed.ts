import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A temporary table would shadow the real one, but making it failed or was undone.',
  sends: [
    'SET search_path = secret',
    'CREATE TEMP TABLE account (id no_such_type)',
    'BEGIN; CREATE TEMP TABLE account (id int); ROLLBACK',
    'BEGIN; CREATE TEMP TABLE account (id int) ON COMMIT DROP; COMMIT',
    'DELETE FROM account WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'DDL', outcome: 'failure', sqlstate: '42704' },
    { class: 'MISC' },
    { class: 'DDL' },
    { class: 'MISC', times: 2 },
    { class: 'DDL' },
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
