import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A DO moves the search_path.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  sends: ['DO $$ BEGIN SET search_path = secret; END $$', 'DELETE FROM account WHERE id = 1'],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'FUNCTION', command: 'DO' },
    { class: 'WRITE', rule: 'changes' },
  ],
}
