import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A prepared statement keeps the table of its plan when another one comes before it in the path.',
  startup: { options: '-csearch_path=secret' },
  sends: [
    'CREATE TEMP TABLE first (n int)',
    'PREPARE p AS DELETE FROM account WHERE id = 1',
    'CREATE TEMP TABLE account (id int)',
    'EXECUTE p',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'DDL' },
    { class: 'WRITE', command: 'PREPARE' },
    { class: 'DDL' },
    { class: 'WRITE', command: 'DELETE', object: 'secret.account delete', rule: 'changes' },
  ],
}
