import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The data moves to a temporary table, whose reading nobody asks about.',
  sends: ['CREATE TEMP TABLE x AS TABLE secret.account', 'SELECT * FROM x'],
  effect: [[accounts_left, '3']],
  answers: 'ann',
  trail: [
    { class: 'DDL', object: 'secret.account select', rule: 'reads' },
    { class: 'READ', object: 'pg_temp.x select' },
  ],
}
