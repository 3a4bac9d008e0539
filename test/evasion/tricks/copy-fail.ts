import { copyData, copyFail, query } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'CopyFail has the SQLSTATE of a cancelled statement; nobody has cancelled anything.',
  sends: [
    { send: [query('COPY secret.account FROM STDIN')], until: 'G\0\0\0' },
    { send: [copyData('9\tzed\t1\n'), copyFail('changed my mind')] },
  ],
  effect: [[accounts_left, '3']],
  answers: '57014',
  trail: [
    {
      class: 'WRITE',
      object: 'secret.account insert',
      outcome: 'failure',
      sqlstate: '57014',
      rule: 'changes',
    },
  ],
}
