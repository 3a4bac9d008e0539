import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The work is done now and committed by a name later, from wherever.',
  sends: [
    'BEGIN',
    'DELETE FROM secret.account WHERE id = 1',
    "PREPARE TRANSACTION 'harmless'",
    "COMMIT PREPARED 'harmless'",
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC', command: 'PREPARE TRANSACTION', text: 'harmless' },
    { class: 'MISC', command: 'COMMIT PREPARED', text: 'harmless' },
  ],
}
