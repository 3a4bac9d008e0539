import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same in GBK.',
  sends: [
    "SET NAMES 'GBK'",
    queryOf(
      "SELECT E'",
      Buffer.from([0xd5, 0x5c]),
      "'; DELETE FROM secret.account WHERE id = 1 --'",
    ),
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'READ', text: '\u8aa0' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
