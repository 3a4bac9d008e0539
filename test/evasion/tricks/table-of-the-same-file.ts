import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The table is attached as a partition, or inherited by a new parent, and changed through that.',
  setup: [
    'CREATE TABLE public.parent (id int NOT NULL, owner text, balance int) PARTITION BY LIST (balance)',
  ],
  sends: [
    'ALTER TABLE public.parent ATTACH PARTITION secret.account DEFAULT',
    'DELETE FROM public.parent WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'DDL', object: 'secret.account', rule: 'changes' },
    { class: 'WRITE', object: 'public.parent delete' },
  ],
}
