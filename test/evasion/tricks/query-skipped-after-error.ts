import { parse, query, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'After an error a Query is skipped until Sync, and answered by nothing: who counts answers slips.',
  sends: [
    {
      send: [
        parse('', 'SELEC 1'),
        query('DELETE FROM secret.account'),
        sync(),
        query('DELETE FROM secret.account WHERE id = 1'),
      ],
      ready: 2,
    },
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601' },
    { class: 'WRITE', object: 'secret.account delete', outcome: 'skipped', rule: 'changes' },
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
  ],
}
