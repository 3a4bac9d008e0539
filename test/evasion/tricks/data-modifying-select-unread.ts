import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A DELETE in WITH runs whether or not anything reads it, here below an INSERT into another table.',
  sends: ['WITH gone AS (DELETE FROM secret.account WHERE id = 1) INSERT INTO note VALUES (1)'],
  effect: [[accounts_left, '2']],
  answers: 'INSERT 0 1\0',
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
