import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A SELECT … FOR UPDATE locks rows that others need, and reads them.',
  sends: ['SELECT id FROM secret.account WHERE id = 1 FOR UPDATE'],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'READ', object: 'secret.account select', rule: 'reads' }],
}
