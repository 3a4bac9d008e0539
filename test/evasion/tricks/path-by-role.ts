import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The item "$user" of the search_path follows SET ROLE.',
  setup: ['CREATE ROLE secret SUPERUSER', 'CREATE TABLE public.account AS TABLE secret.account'],
  sends: ['SET ROLE secret', 'DELETE FROM account WHERE id = 1', 'RESET ROLE'],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.account delete', role: 'secret', rule: 'changes' },
    { class: 'MISC' },
  ],
}
