import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'TRUNCATE has no WHERE, no rows in its tag, and is no DELETE.',
  sends: ['TRUNCATE TABLE ONLY secret.account RESTART IDENTITY'],
  effect: [[accounts_left, '0']],
  answers: 'TRUNCATE TABLE\0',
  trail: [{ class: 'WRITE', object: 'secret.account truncate', rule: 'changes' }],
}
