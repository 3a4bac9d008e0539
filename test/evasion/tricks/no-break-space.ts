import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A no-break space is a letter: the table is another one than it looks.',
  setup: ['CREATE TABLE secret."account\u00a0" AS TABLE secret.account'],
  sends: ['DELETE FROM secret.account\u00a0'],
  effect: [
    [accounts_left, '3'],
    ['SELECT count(*) FROM secret."account\u00a0"', '0'],
  ],
  trail: [{ class: 'WRITE', object: 'secret."account\u00a0" delete', rule: 'changes' }],
}
