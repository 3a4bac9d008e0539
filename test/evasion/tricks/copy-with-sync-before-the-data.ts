import { bind, copyData, copyDone, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A Sync among the data is swallowed: who counts it gives every later answer to the wrong one.',
  sends: [
    {
      send: [
        parse('', 'COPY secret.account FROM STDIN'),
        bind('', ''),
        execute(),
        sync(),
        copyData('9\tzed\t1\n'),
        copyDone(),
        sync(),
      ],
    },
    'DELETE FROM secret.account WHERE id = 9',
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'WRITE', object: 'secret.account insert', rows: 1, rule: 'changes' },
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
  ],
}
