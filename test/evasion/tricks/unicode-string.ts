import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: "The escape character of U&'' is named behind the string and may be anything.",
  sends: ["SELECT U&'!0027; \\' UESCAPE '!'; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
