import { bind, execute, flush, parse, terminate } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'DELETE 1 was answered, and then the client leaves before Sync: nothing has been deleted.',
  sends: [
    {
      send: [
        parse('', 'DELETE FROM secret.account'),
        bind('', ''),
        execute(),
        flush(),
        terminate(),
      ],
      ready: 0,
    },
  ],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
  events: ['transaction end'],
}
