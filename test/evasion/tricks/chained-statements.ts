import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Whoever looks at the first word of a text, or at its first statement, sees a SELECT.',
  sends: ['SELECT 1; DELETE FROM secret.account WHERE id = 1; SELECT 2'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ', command: 'SELECT', text: 'SELECT 1' },
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
    { class: 'READ', command: 'SELECT', text: 'SELECT 2' },
  ],
}
