import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Key words and plain names have no case.',
  sends: ['dElEtE fRoM SECRET.AcCoUnT wHeRe ID = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', command: 'DELETE', object: 'secret.account delete', rule: 'changes' }],
}
