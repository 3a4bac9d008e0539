import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'No object is named: what is made from now on will be open to all.',
  sends: ['ALTER DEFAULT PRIVILEGES IN SCHEMA secret GRANT ALL ON TABLES TO PUBLIC'],
  effect: [['SELECT count(*) FROM pg_default_acl', '1']],
  trail: [{ class: 'ROLE', command: 'ALTER DEFAULT PRIVILEGES', rule: 'roles' }],
}
