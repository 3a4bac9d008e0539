import { bind, execute, parse, query, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

const unreadable = Buffer.from("SELECT '\xff'", 'latin1')
const again = [bind('', ''), execute(), sync()]

export const trick: Trick = {
  why: 'A Parse or Query that the server cannot even read leaves the unnamed statement to be executed.',
  sends: [
    { send: [parse('', 'DELETE FROM secret.account WHERE id <= 2'), sync()] },
    { send: [parse('', unreadable), sync()] },
    { send: again },
    { send: [query(unreadable)] },
    { send: again },
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'WRITE', outcome: 'failure', sqlstate: '22021' },
    { class: 'WRITE', object: 'secret.account delete', rows: 2, rule: 'changes' },
    { class: 'WRITE', outcome: 'failure', sqlstate: '22021' },
    { class: 'WRITE', object: 'secret.account delete', rows: 0, rule: 'changes' },
  ],
}
