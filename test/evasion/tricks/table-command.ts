import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'TABLE reads without a SELECT.',
  sends: ['TABLE secret.account'],
  effect: [[accounts_left, '3']],
  answers: 'ann',
  trail: [{ class: 'READ', object: 'secret.account select', rows: 3, rule: 'reads' }],
}
