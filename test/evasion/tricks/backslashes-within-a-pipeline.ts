import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Set and used between two Syncs: the server says so only at the second one.',
  sends: [
    {
      send: [
        ask('SET standard_conforming_strings = off'),
        ask("SELECT '\\'', 1 AS \"' FROM secret.account --\""),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'MISC' }, { class: 'WRITE', analysis: 'ambiguous', rule: 'reads' }],
}
