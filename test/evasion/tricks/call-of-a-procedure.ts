import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'CALL names a procedure; what it does, even COMMIT inside, is not in any text.',
  setup: [
    `CREATE PROCEDURE secret.eat() LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = 1; COMMIT; PERFORM 1/0; END'`,
  ],
  sends: ['CALL secret.eat()'],
  effect: [[accounts_left, '2']],
  trail: [
    {
      class: 'FUNCTION',
      object: 'secret.eat execute',
      outcome: 'failure',
      sqlstate: '22012',
      rule: 'calls',
    },
  ],
}
