import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'EXPLAIN ANALYZE EXECUTE runs the prepared DELETE, three names away from the table.',
  sends: ['PREPARE p AS DELETE FROM secret.account WHERE id = 1', 'EXPLAIN ANALYZE EXECUTE p'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    { class: 'WRITE', object: 'secret.account delete', prepared: 'DELETE', rule: 'changes' },
  ],
}
