import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What is read stands in FROM, USING, a subquery of the SET list or RETURNING.',
  setup: ['INSERT INTO note VALUES (1)'],
  sends: [
    'UPDATE note SET t = (SELECT owner FROM secret.account WHERE id = 1)',
    'DELETE FROM note USING secret.account WHERE false',
    'UPDATE note SET n = 2 RETURNING (SELECT max(balance) FROM secret.account)',
    'INSERT INTO note VALUES (3) RETURNING (SELECT max(balance) FROM secret.account)',
  ],
  effect: [['SELECT t FROM note WHERE n = 2', 'ann']],
  trail: [{ class: 'WRITE', object: 'secret.account select', rule: 'reads', times: 4 }],
}
