import { execute, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A cursor of SQL is a portal of the protocol: Execute reads what no Parse has named.',
  sends: [
    'BEGIN',
    'DECLARE c CURSOR FOR SELECT owner FROM secret.account',
    { send: [execute('c', 2), sync()] },
    'COMMIT',
  ],
  effect: [[accounts_left, '3']],
  answers: 'bob',
  trail: [
    { class: 'MISC' },
    { class: 'READ', object: 'secret.account select' },
    {
      class: 'READ',
      object: 'secret.account select',
      rows: 2,
      outcome: 'suspended',
      rule: 'reads',
    },
    { class: 'MISC' },
  ],
}
