import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A partition, or a child by inheritance, holds the rows under another name.',
  setup: [
    'CREATE TABLE public.weather () INHERITS (secret.account)',
    'INSERT INTO public.weather VALUES (9)',
  ],
  sends: ['DELETE FROM public.weather', 'DELETE FROM secret.account'],
  effect: [[accounts_left, '0']],
  trail: [
    { class: 'WRITE', object: 'public.weather delete' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
