import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A Query with a syntax error leaves the unnamed portal, and a savepoint brings the block back.',
  sends: [
    {
      send: [
        parse('d', 'DELETE FROM secret.account WHERE id = 1'),
        parse('s', 'SAVEPOINT a'),
        parse('r', 'ROLLBACK TO a'),
        sync(),
      ],
    },
    'BEGIN',
    { send: [bind('', 'd'), bind('s', 's'), execute('s'), sync()] },
    'SELEC 1',
    { send: [bind('r', 'r'), execute('r'), sync()] },
    { send: [execute(), sync()] },
    'COMMIT',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC', times: 2 },
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601' },
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes', analysis: 'sure' },
    { class: 'MISC' },
  ],
}
