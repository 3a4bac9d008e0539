import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same by Parse, and then executed twice by few bytes that hold no text at all.',
  sends: [
    {
      send: [
        parse('p', `/*${'x'.repeat(17 << 20)}*/ DELETE FROM secret.account WHERE id = $1`),
        bind('', 'p', ['1']),
        execute(),
        bind('', 'p', ['2']),
        execute(),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'WRITE', command: 'DELETE', analysis: 'unparsed', rows: 1, rule: 'changes' },
    { class: 'WRITE', command: 'DELETE', analysis: 'unparsed', rows: 1, rule: 'changes' },
  ],
}
