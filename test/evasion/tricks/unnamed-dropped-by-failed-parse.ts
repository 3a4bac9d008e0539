import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A failed Parse of the unnamed statement drops the old one: nothing is there to be executed.',
  sends: [
    { send: [parse('', 'DELETE FROM secret.account'), sync()] },
    { send: [parse('', 'SELEC 1'), sync()] },
    { send: [bind('', ''), execute(), sync()] },
  ],
  effect: [[accounts_left, '3']],
  answers: '26000',
  trail: [
    { class: 'WRITE', object: 'secret.account delete', outcome: 'prepared' },
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601' },
    { class: 'ERROR', outcome: 'failure', sqlstate: '26000' },
  ],
}
