import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The search_path is a startup parameter of its own name.',
  startup: { Search_Path: 'secret' },
  sends: ['DELETE FROM account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
