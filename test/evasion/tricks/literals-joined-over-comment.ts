import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A comment between two parts of one literal is no end of it.',
  sends: ["SELECT E'a' -- it's\n'\\''; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
