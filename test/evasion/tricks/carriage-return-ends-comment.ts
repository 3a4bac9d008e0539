import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A comment of two dashes ends at a carriage return too, where many readers know newline alone.',
  sends: ['SELECT 1 -- harmless\r; DELETE FROM secret.account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
