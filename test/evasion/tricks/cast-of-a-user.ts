import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A cast calls the function that someone made for it.',
  setup: [
    'CREATE TYPE public.key AS (id int)',
    `CREATE FUNCTION secret.eat(public.key) RETURNS text LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1.id; RETURN 1; END'`,
    'CREATE CAST (public.key AS text) WITH FUNCTION secret.eat(public.key)',
  ],
  sends: ['SELECT ROW(1)::public.key::text'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ', text: 'public.key' }],
}
