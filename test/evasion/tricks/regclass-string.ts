import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The table is named in a string that is cast, and asked for what the catalog knows of it.',
  sends: [
    "SELECT pg_relation_size('secret.account'), currval(pg_get_serial_sequence('secret.account', 'id'))",
  ],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'READ', outcome: 'success' }],
}
