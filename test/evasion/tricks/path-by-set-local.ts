import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The search_path counts until the end of the transaction, and falls back with it.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  sends: [
    'BEGIN',
    'SET LOCAL search_path = secret',
    'DELETE FROM account WHERE id = 1',
    'COMMIT',
    'DELETE FROM account WHERE id = 2',
  ],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '2'],
  ],
  trail: [
    { class: 'MISC' },
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC' },
    { class: 'WRITE', object: 'public.account delete' },
  ],
}
