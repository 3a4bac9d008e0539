import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A SET in a transaction that is rolled back never was.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  sends: [
    'SET search_path = secret',
    'BEGIN; SET search_path = public; ROLLBACK',
    'DELETE FROM account WHERE id = 1',
  ],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'MISC', times: 4 },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
