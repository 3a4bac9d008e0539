import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Whoever owns the table needs no GRANT.',
  setup: ['CREATE ROLE heir'],
  sends: ['ALTER TABLE secret.account OWNER TO heir', 'REASSIGN OWNED BY heir TO postgres'],
  effect: [
    ["SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'account'", 'postgres'],
  ],
  trail: [
    { class: 'DDL', object: 'secret.account alter', rule: 'changes' },
    { class: 'DDL', command: 'REASSIGN OWNED' },
  ],
}
