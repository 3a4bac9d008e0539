import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Where backslashes escape a literal ends early, and a call behind it moves the path: one tag for both.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  startup: { options: '-c standard_conforming_strings=off' },
  sends: [
    "SELECT '\\'', set_config($$search_path$$, $$secret$$, false) --'",
    'DELETE FROM account WHERE id = 1',
  ],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'WRITE', analysis: 'ambiguous' },
    { class: 'WRITE', rows: 1, rule: 'changes' },
  ],
}
