import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Within one transaction the table gets another name and another schema, and its own again.',
  sends: [
    'BEGIN',
    'ALTER TABLE secret.account SET SCHEMA public',
    'ALTER TABLE public.account RENAME TO weather',
    'DELETE FROM weather WHERE id = 1',
    'ALTER TABLE weather RENAME TO account',
    'ALTER TABLE account SET SCHEMA secret',
    'COMMIT',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC' },
    { class: 'DDL', object: 'secret.account alter', rule: 'changes' },
    { class: 'DDL', object: 'public.account alter' },
    { class: 'WRITE', object: 'public.weather delete' },
    { class: 'DDL', object: 'public.weather alter' },
    { class: 'DDL', object: 'public.account alter' },
    { class: 'MISC' },
  ],
}
