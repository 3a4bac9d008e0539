import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The second byte of a character of Shift JIS is a backslash: by bytes the string goes on.',
  sends: [
    "SET client_encoding = 'SJIS'",
    queryOf(
      "SELECT E'",
      Buffer.from([0x95, 0x5c]),
      "'; DELETE FROM secret.account WHERE id = 1 --'",
    ),
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'READ', text: '\u8868' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
