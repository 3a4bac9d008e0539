import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A materialized view is a copy: whoever reads it later never touches the table.',
  sends: [
    'CREATE MATERIALIZED VIEW public.m AS SELECT * FROM secret.account',
    'REFRESH MATERIALIZED VIEW public.m',
    'SELECT * FROM public.m',
  ],
  effect: [['SELECT count(*) FROM public.m', '3']],
  trail: [
    { class: 'DDL', object: 'secret.account select', rule: 'reads' },
    { class: 'DDL', object: 'public.m' },
    { class: 'READ', object: 'public.m select' },
  ],
}
