import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A mark of the byte order in front is stripped by editors and by some readers, not by the server.',
  sends: ['\ufeffDELETE FROM secret.account', '\ufeff; DELETE FROM secret.account WHERE id = 1'],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601' },
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601' },
  ],
}
