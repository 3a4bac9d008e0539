import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The table is named without its schema, which comes from the search_path, within one Query.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  sends: ['SET search_path = secret; DELETE FROM account WHERE id = 1'],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [{ class: 'MISC' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
