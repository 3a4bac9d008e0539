import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The session logged in as one and works as another.',
  setup: [
    'CREATE ROLE borrowed',
    'GRANT USAGE ON SCHEMA secret TO borrowed',
    'GRANT ALL ON secret.account TO borrowed',
  ],
  sends: ['SET ROLE borrowed', 'DELETE FROM secret.account WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', role: 'borrowed', rule: 'changes' },
  ],
}
