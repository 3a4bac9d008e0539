import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'CREATE TABLE … AS EXECUTE reads what only the prepared statement names, and answers SELECT.',
  sends: ['PREPARE p AS SELECT * FROM secret.account', 'CREATE TABLE public.loot AS EXECUTE p'],
  effect: [['SELECT count(*) FROM public.loot', '3']],
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    { class: 'DDL', object: 'secret.account select', prepared: 'secret.account', rule: 'reads' },
  ],
}
