import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'COMMIT was asked for, and answered; but by ROLLBACK.',
  sends: ['BEGIN', 'DELETE FROM secret.account', 'SELECT 1/0', 'COMMIT'],
  effect: [[accounts_left, '3']],
  answers: 'ROLLBACK\0',
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'READ', outcome: 'failure', sqlstate: '22012' },
    { class: 'MISC', command: 'COMMIT', outcome: 'failure', rule: 'failures' },
  ],
  events: ['transaction end'],
}
