import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Behind a letter a dollar sign belongs to the name and quotes nothing.',
  sends: ['SELECT 1 AS a$x$; DELETE FROM secret.account WHERE id = 1; SELECT 2 AS b$x$'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'READ' },
  ],
}
