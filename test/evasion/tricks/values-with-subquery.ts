import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'VALUES looks like constants and holds a query.',
  sends: ["VALUES ((SELECT string_agg(owner, ' ') FROM secret.account))"],
  effect: [[accounts_left, '3']],
  answers: 'ann bob',
  trail: [{ class: 'READ', object: 'secret.account select', rule: 'reads' }],
}
