import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A CTE has the name of the table, but only for what stands behind it.',
  setup: ['SET search_path = secret'],
  startup: { options: '-csearch_path=secret' },
  sends: [
    'WITH account AS (SELECT * FROM account) SELECT * FROM account',
    'WITH account AS (SELECT 1) DELETE FROM account WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ', object: 'secret.account select', rule: 'reads' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
