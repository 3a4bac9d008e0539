import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'COPY … TO reads, one would think.',
  sends: ['COPY (DELETE FROM secret.account WHERE id = 1 RETURNING *) TO STDOUT'],
  effect: [[accounts_left, '2']],
  answers: 'COPY 1\0',
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
