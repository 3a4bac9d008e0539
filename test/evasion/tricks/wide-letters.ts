import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Letters of double width are no key words: the server refuses what looks like a DELETE.',
  sends: ['\uff24\uff25\uff2c\uff25\uff34\uff25 FROM secret.account'],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'ERROR', outcome: 'failure', sqlstate: '42601', rule: 'failures' }],
}
