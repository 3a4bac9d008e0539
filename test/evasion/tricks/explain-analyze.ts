import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'EXPLAIN with ANALYZE runs the statement and answers EXPLAIN.',
  sends: [
    'EXPLAIN (COSTS off, ANALYZE) DELETE FROM secret.account WHERE id = 1',
    'EXPLAIN (ANALYZE false, ANALYZE) DELETE FROM secret.account WHERE id = 2',
    'EXPLAIN ANALYZE VERBOSE DELETE FROM secret.account WHERE id = 3',
  ],
  effect: [[accounts_left, '0']],
  answers: 'EXPLAIN\0',
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes', times: 3 }],
}
