import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same before PostgreSQL 16: the grammar that we use knows better than the server.',
  until: 15,
  sends: ['DELETE\vFROM secret.account\vWHERE id = 1'],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'WRITE', outcome: 'failure', sqlstate: '42601', rule: 'failures' }],
}
