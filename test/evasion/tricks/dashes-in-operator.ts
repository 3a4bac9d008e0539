import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Two dashes begin a comment even in the middle of an operator, where some see a subtraction.',
  sends: ["SELECT 4 +--'\n 4; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
