import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'With the database in front, the second part of the name is the schema.',
  sends: ['DELETE FROM trick_three_part_name.secret.account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
