import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'No privilege on any table is granted, only a role to another one.',
  setup: ['CREATE ROLE strong SUPERUSER', 'CREATE ROLE weak'],
  sends: ['GRANT strong TO weak'],
  effect: [["SELECT pg_has_role('weak', 'strong', 'MEMBER')", 't']],
  trail: [{ class: 'ROLE', command: 'GRANT ROLE', rule: 'roles' }],
}
