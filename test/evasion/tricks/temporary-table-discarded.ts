import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The temporary table that shadows the real one is gone with DISCARD, or dropped by a DO.',
  sends: [
    'SET search_path = secret',
    'CREATE TEMP TABLE account (id int)',
    'DISCARD TEMP',
    'DELETE FROM account WHERE id = 1',
    'CREATE TEMP TABLE account (id int)',
    "DO $$ BEGIN EXECUTE 'DROP TABLE pg_temp.account'; END $$",
    'DELETE FROM account WHERE id = 2',
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'MISC' },
    { class: 'DDL' },
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'DDL' },
    { class: 'FUNCTION' },
    { class: 'WRITE', rule: 'changes' },
  ],
}
