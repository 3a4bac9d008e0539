import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Even the name of the session can be changed by a superuser.',
  setup: [
    'CREATE ROLE disguise',
    'GRANT USAGE ON SCHEMA secret TO disguise',
    'GRANT ALL ON secret.account TO disguise',
  ],
  sends: ['SET SESSION AUTHORIZATION disguise', 'DELETE FROM secret.account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', role: 'disguise', rule: 'changes' },
  ],
}
