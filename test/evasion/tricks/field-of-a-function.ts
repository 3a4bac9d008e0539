import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: '`n.secret_eat` looks like a column and calls a function with the row.',
  setup: [
    'INSERT INTO public.note VALUES (1)',
    `CREATE FUNCTION public.eat(public.note) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1.n; RETURN 1; END'`,
  ],
  sends: ['SELECT n.eat FROM public.note n'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ', object: 'public.note select', text: 'n.eat' }],
}
