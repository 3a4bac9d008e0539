import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A SET stands where the grammar sees a literal: an answer too many, and a path that nobody followed.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  startup: { options: '-c standard_conforming_strings=off' },
  sends: ["SELECT '\\''; SET search_path = secret --'", 'DELETE FROM account WHERE id = 1'],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'READ' },
    { class: 'WRITE', command: 'SET' },
    { class: 'WRITE', rows: 1, rule: 'changes' },
  ],
  events: ['protocol disagreement'],
}
