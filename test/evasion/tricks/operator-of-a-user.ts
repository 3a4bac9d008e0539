import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'An operator of a user calls his function, and no name of a function stands in the text.',
  setup: [
    `CREATE FUNCTION secret.eat(int, int) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1; RETURN 1; END'`,
    'CREATE OPERATOR public.<~> (FUNCTION = secret.eat, LEFTARG = int, RIGHTARG = int)',
  ],
  sends: ['SELECT 1 <~> 2', 'SELECT 2 OPERATOR(public.<~>) 2'],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'FUNCTION', rule: 'calls' },
    { class: 'FUNCTION', rule: 'calls' },
  ],
}
