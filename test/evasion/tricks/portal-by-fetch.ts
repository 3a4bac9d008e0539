import { bind, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The other way round: FETCH reads a portal that Bind has made.',
  sends: [
    'BEGIN',
    {
      send: [
        parse('', 'DELETE FROM secret.account WHERE id < 3 RETURNING owner'),
        bind('p', ''),
        sync(),
      ],
    },
    'FETCH 1 FROM p',
    'COMMIT',
  ],
  effect: [[accounts_left, '1']],
  answers: 'FETCH 1\0',
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', command: 'FETCH', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC' },
  ],
}
