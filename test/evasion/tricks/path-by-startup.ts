import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The search_path stands in the startup packet, as an option or as a parameter.',
  startup: { options: '-csearch_path=secret' },
  sends: ['DELETE FROM account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
