import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'One Query of three thousand statements is one message, and an auditor may keep but some.',
  sends: [`${'SELECT 1;'.repeat(3_000)} DELETE FROM secret.account WHERE id = 1`],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ', times: 3_000 },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
