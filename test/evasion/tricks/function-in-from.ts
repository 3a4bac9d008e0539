import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function of the user in FROM, in ROWS FROM, LATERAL or behind a schema that is quoted.',
  setup: [
    `CREATE FUNCTION secret.eat(int) RETURNS SETOF int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1; RETURN NEXT 1; END'`,
  ],
  sends: [
    'SELECT * FROM secret.eat(1)',
    'SELECT * FROM ROWS FROM (secret.eat(2), generate_series(1, 2))',
    'SELECT * FROM (VALUES (3)) v(n), LATERAL "secret"."eat"(n)',
  ],
  effect: [[accounts_left, '0']],
  trail: [{ class: 'FUNCTION', object: 'secret.eat execute', rule: 'calls', times: 3 }],
}
