import { bind, execute, flush, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A client that never sends Sync has its answers by Flush; the commit comes with the last one.',
  sends: [
    {
      send: [
        parse('', 'DELETE FROM secret.account WHERE id = 1'),
        bind('', ''),
        execute(),
        flush(),
      ],
      until: 'DELETE 1\0',
    },
    { send: [sync()] },
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' }],
}
