import { bind, execute, int32, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A value in binary format is no text that a search of the trail would find.',
  sends: [
    {
      send: [
        parse('', 'DELETE FROM secret.account WHERE id = $1 AND owner = $2', [23, 25]),
        bind('', '', [int32(1), 'ann'], [1, 0]),
        execute(),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', parameters: ['1', 'ann'] }],
}
