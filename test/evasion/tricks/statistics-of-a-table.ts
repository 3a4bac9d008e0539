import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'ANALYZE copies values of the table to a catalog, from which they are read.',
  sends: [
    'ANALYZE secret.account',
    "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'account' AND attname = 'owner'",
  ],
  effect: [[accounts_left, '3']],
  answers: '{ann,bob,cy}',
  trail: [
    { class: 'MISC', object: 'secret.account' },
    { class: 'READ', object: 'pg_catalog.pg_stats select' },
  ],
}
