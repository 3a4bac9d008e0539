import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'An operator ends where a comment begins: the asterisk before it is a multiplication.',
  sends: ["SELECT 2 */* '; */3; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
