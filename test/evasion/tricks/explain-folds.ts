import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Even a plain EXPLAIN runs functions that call themselves immutable.',
  setup: [
    `CREATE FUNCTION secret.really() RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = 1; RETURN 1; END'`,
    `CREATE FUNCTION secret.eat() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
     'BEGIN RETURN secret.really(); END'`,
  ],
  sends: ['EXPLAIN SELECT secret.eat()'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'FUNCTION', object: 'secret.eat execute', rule: 'calls' }],
}
