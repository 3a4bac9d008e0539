import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The role is a setting like any other.',
  setup: [
    'CREATE ROLE lent',
    'GRANT USAGE ON SCHEMA secret TO lent',
    'GRANT ALL ON secret.account TO lent',
  ],
  sends: ["SELECT set_config('role', 'lent', false)", 'DELETE FROM secret.account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'FUNCTION', object: 'pg_catalog.set_config execute' },
    { class: 'WRITE', object: 'secret.account delete', role: 'lent', rule: 'changes' },
  ],
}
