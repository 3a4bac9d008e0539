import { query } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The client ends its side of the connection with the last packet, and nobody asks for the answer.',
  sends: [
    {
      send: [query('DELETE FROM secret.account WHERE id = 1')],
      ready: 0,
      leaves: 'half',
    },
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' }],
}
