import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A DELETE in WITH that is there in one reading and not in the other, with the same tag.',
  sends: [
    {
      send: [
        ask('SET standard_conforming_strings = off'),
        ask(
          "WITH a AS (SELECT '\\'' AS x), d AS (DELETE FROM secret.account WHERE id = 1) SELECT 1 --' AS x) SELECT 1",
        ),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '2']],
  answers: 'SELECT 1\0',
  trail: [{ class: 'MISC' }, { class: 'WRITE', analysis: 'ambiguous', rule: 'changes' }],
}
