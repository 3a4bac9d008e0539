import { bind, closePortal, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The server compares 63 bytes of a name: portal b is portal a, and runs what was bound last.',
  sends: [
    {
      send: [
        parse('r', 'SELECT 1'),
        parse('w', 'DELETE FROM secret.account WHERE id = 1'),
        bind(`${'n'.repeat(63)}b`, 'r'),
        closePortal(`${'n'.repeat(63)}a`),
        bind(`${'n'.repeat(63)}a`, 'w'),
        execute(`${'n'.repeat(63)}b`),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ', outcome: 'prepared' },
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
  ],
}
