import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The view has a harmless name, the table behind it is the point.',
  setup: [
    'CREATE VIEW public.weather AS SELECT * FROM secret.account',
    'CREATE VIEW public.forecast AS SELECT * FROM public.weather',
  ],
  sends: ['SELECT * FROM forecast', 'DELETE FROM forecast WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ', object: 'secret.account select', rule: 'reads' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
