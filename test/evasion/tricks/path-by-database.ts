import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The search_path is a default of the database that nobody sends.',
  setup: ['ALTER DATABASE trick_path_by_database SET search_path = secret'],
  sends: ['DELETE FROM account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
