import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The first statement has been answered with success and is undone; the third never runs.',
  sends: ['DELETE FROM secret.account WHERE id = 1; SELECT 1/0; DELETE FROM secret.account'],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
    { class: 'READ', outcome: 'failure', sqlstate: '22012' },
    { class: 'WRITE', object: 'secret.account delete', outcome: 'skipped' },
  ],
  events: ['transaction end'],
}
