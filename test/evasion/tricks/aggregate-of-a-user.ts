import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'An aggregate, also as a window function or with ORDER BY, calls what it was made of.',
  setup: [
    `CREATE FUNCTION secret.eat(int, int) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $2; RETURN 1; END'`,
    'CREATE AGGREGATE public.total(int) (SFUNC = secret.eat, STYPE = int)',
  ],
  sends: [
    'SELECT total(1)',
    'SELECT total(2 ORDER BY 1) FILTER (WHERE true)',
    'SELECT total(3) OVER ()',
  ],
  effect: [[accounts_left, '0']],
  trail: [{ class: 'FUNCTION', object: 'public.total execute', rule: 'calls', times: 3 }],
}
