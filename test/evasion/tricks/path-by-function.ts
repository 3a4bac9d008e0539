import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function moves the search_path, and no text says so.',
  setup: [
    'CREATE TABLE public.account AS TABLE secret.account',
    `CREATE FUNCTION public.hello() RETURNS text LANGUAGE sql AS
     $$ SELECT set_config('search_path', 'secret', false) $$`,
  ],
  sends: ['SELECT hello()', 'DELETE FROM account WHERE id = 1'],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'FUNCTION', object: 'public.hello execute' },
    { class: 'WRITE', rule: 'changes' },
  ],
}
