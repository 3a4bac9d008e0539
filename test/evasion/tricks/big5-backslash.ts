import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same in Big5.',
  sends: [
    "SET client_encoding = 'BIG5'",
    queryOf(
      "SELECT E'",
      Buffer.from([0xa5, 0x5c]),
      "'; DELETE FROM secret.account WHERE id = 1 --'",
    ),
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'READ', text: '\u529f' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
