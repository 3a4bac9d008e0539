import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A Query drops the unnamed statement, so that the Execute behind it fails and deletes nothing.',
  sends: [
    { send: [parse('', 'DELETE FROM secret.account'), sync()] },
    'SELECT 1',
    { send: [bind('', ''), execute(), sync()] },
  ],
  effect: [[accounts_left, '3']],
  answers: '26000',
  trail: [
    { class: 'WRITE', object: 'secret.account delete', outcome: 'prepared' },
    { class: 'READ' },
    { class: 'ERROR', outcome: 'failure', sqlstate: '26000' },
  ],
}
