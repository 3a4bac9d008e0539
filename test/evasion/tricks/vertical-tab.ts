import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A vertical tab is white space since PostgreSQL 16.',
  since: 16,
  sends: ['DELETE\vFROM secret.account\vWHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
