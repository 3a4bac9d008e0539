import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A walsender of a database takes SQL among its own commands.',
  startup: { replication: 'database' },
  sends: [
    'IDENTIFY_SYSTEM',
    'DELETE FROM secret.account WHERE id = 1',
    '/* */ DELETE FROM secret.account WHERE id = 2',
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
