import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The search_path is a row of a view that takes an UPDATE.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  sends: [
    "UPDATE pg_settings SET setting = 'secret' WHERE name = 'search_path'",
    'DELETE FROM account WHERE id = 1',
  ],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'WRITE', object: 'pg_catalog.pg_settings update' },
    { class: 'WRITE', rule: 'changes' },
  ],
}
