import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A reader of the first word finds the SELECT of the comment.',
  sends: ['/* SELECT */ -- SELECT 1\n DELETE FROM secret.account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', command: 'DELETE', object: 'secret.account delete', rule: 'changes' }],
}
