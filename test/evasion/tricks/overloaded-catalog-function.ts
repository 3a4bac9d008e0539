import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function of the user whose arguments fit better than those of the built-in one of its name.',
  setup: [
    `CREATE FUNCTION public.abs(text) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1::int; RETURN 1; END'`,
  ],
  sends: ["SELECT abs('1'::text)"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'FUNCTION', object: 'public.abs execute', rule: 'calls' }],
}
