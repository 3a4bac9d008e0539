import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A cursor WITH HOLD is read after COMMIT, long after the statement that named the table.',
  sends: ['DECLARE c CURSOR WITH HOLD FOR TABLE secret.account', 'SELECT 1', 'FETCH ALL FROM c'],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'READ', object: 'secret.account select' },
    { class: 'READ' },
    { class: 'READ', command: 'FETCH', object: 'secret.account select', rows: 3, rule: 'reads' },
  ],
}
