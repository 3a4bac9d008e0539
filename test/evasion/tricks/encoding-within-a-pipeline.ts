import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The encoding is changed between two Syncs, and the bytes behind it are another text.',
  sends: [
    {
      send: [
        ask("SET client_encoding = 'SJIS'"),
        ask(
          Buffer.concat([
            Buffer.from("WITH a AS (SELECT E'"),
            Buffer.from([0x95, 0x5c]),
            Buffer.from("'), d AS (DELETE FROM secret.account WHERE id = 1) SELECT 1"),
          ]),
        ),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'MISC' }, { class: 'WRITE', rule: 'changes' }],
}
