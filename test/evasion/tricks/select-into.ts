import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A SELECT that makes a table, and answers SELECT.',
  sends: ['SELECT * INTO public.loot FROM secret.account'],
  effect: [['SELECT count(*) FROM public.loot', '3']],
  answers: 'SELECT 3\0',
  trail: [{ class: 'DDL', object: 'public.loot create', rule: 'reads' }],
}
