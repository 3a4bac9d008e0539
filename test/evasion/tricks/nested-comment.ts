import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Comments nest in PostgreSQL: whoever ends one at the first mark reads another text.',
  sends: ["/* a /* b */ SELECT '*/ DELETE FROM secret.account WHERE id = 1 /* /* */ ' */"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', command: 'DELETE', object: 'secret.account delete', rule: 'changes' }],
}
