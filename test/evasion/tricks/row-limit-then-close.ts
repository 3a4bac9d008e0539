import { bind, closePortal, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'One row was fetched and the portal closed: yet every row is deleted at the first Execute.',
  sends: [
    {
      send: [
        parse('', 'DELETE FROM secret.account RETURNING id'),
        bind('p', ''),
        execute('p', 1),
        closePortal('p'),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '0']],
  trail: [
    { class: 'WRITE', object: 'secret.account delete', outcome: 'suspended', rule: 'changes' },
  ],
}
