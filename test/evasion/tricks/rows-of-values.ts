import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Values of parameters hold quotes, line breaks and bytes that are no text.',
  csv: true,
  sends: [
    {
      send: [
        ask('DELETE FROM secret.account WHERE owner = $1 OR id = 1 OR owner = $2', [
          'a",\n"AUDIT: SESSION',
          '\\\u0001,\u2028',
        ]),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
