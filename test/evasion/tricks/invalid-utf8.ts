import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Bytes that are no UTF-8: an overlong quote ends no string for the server, which refuses it.',
  sends: [queryOf("SELECT '", Buffer.from([0xc0, 0xa7]), '; DELETE FROM secret.account --')],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'WRITE', outcome: 'failure', sqlstate: '22021', rule: 'failures' }],
}
