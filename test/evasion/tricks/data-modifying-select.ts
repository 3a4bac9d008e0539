import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'It begins with WITH, its tag is SELECT, and it deletes.',
  sends: [
    'WITH gone AS (DELETE FROM secret.account WHERE id = 1 RETURNING id) SELECT count(*) FROM gone',
  ],
  effect: [[accounts_left, '2']],
  answers: 'SELECT 1\0',
  trail: [{ class: 'WRITE', object: 'secret.account delete', analysis: 'sure', rule: 'changes' }],
}
