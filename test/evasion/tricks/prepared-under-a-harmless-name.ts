import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'EXECUTE shows a name; what it runs was said long before.',
  sends: [
    'PREPARE "select" (int) AS DELETE FROM secret.account WHERE id = $1',
    'EXECUTE "select" (1)',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    {
      class: 'WRITE',
      command: 'DELETE',
      object: 'secret.account delete',
      prepared: 'DELETE FROM secret.account',
      parameters: ['1'],
      rule: 'changes',
    },
  ],
}
