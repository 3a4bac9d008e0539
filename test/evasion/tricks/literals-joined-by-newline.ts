import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Two literals on two lines are one, and the second needs no E: its backslash still escapes.',
  sends: ["SELECT E'a'\n'\\''; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
