import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Quotes, blanks and comments between the parts of a name hide it from a search of the text.',
  sends: ['DELETE FROM ONLY "secret" /* . */ . "account" AS "note" WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
