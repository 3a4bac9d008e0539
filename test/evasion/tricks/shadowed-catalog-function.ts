import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function of the user with the name of a built-in one, found first by another search_path.',
  setup: [
    `CREATE FUNCTION public.abs(int) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1; RETURN 1; END'`,
  ],
  sends: ['SET search_path = public, pg_catalog', 'SELECT abs(1)'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'MISC' }, { class: 'FUNCTION', object: 'public.abs execute', rule: 'calls' }],
}
