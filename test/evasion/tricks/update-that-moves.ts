import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What is taken away stands in a RETURNING, of an UPDATE that changes nothing.',
  sends: ['UPDATE secret.account SET id = id RETURNING owner'],
  effect: [[accounts_left, '3']],
  answers: 'ann',
  trail: [{ class: 'WRITE', object: 'secret.account select', rows: 3, rule: 'changes' }],
}
