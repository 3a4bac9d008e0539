import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: "In E'' a backslash takes the quote with it; a reader of plain SQL ends the string there.",
  sends: ["SELECT E'O\\'B'; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
