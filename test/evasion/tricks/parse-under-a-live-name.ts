import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A Parse that fails keeps the named statement that is there: who believes the Parse records a SELECT.',
  sends: [
    { send: [parse('s', 'DELETE FROM secret.account WHERE id = 1'), sync()] },
    { send: [parse('s', 'SELECT 1'), sync(), bind('', 's'), execute(), sync()], ready: 2 },
  ],
  effect: [[accounts_left, '2']],
  answers: '42P05',
  trail: [
    { class: 'READ', outcome: 'failure', sqlstate: '42P05', text: 'SELECT 1' },
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
  ],
}
