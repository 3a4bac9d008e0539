import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The statement writes an open table; what it reads is the point.',
  sends: ['INSERT INTO note SELECT id, owner FROM secret.account'],
  effect: [['SELECT count(*) FROM note', '3']],
  trail: [{ class: 'WRITE', object: 'secret.account select', rule: 'reads' }],
}
