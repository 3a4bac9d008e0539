import { bind, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function that calls itself immutable runs while the plan is made, in Bind; no Execute follows.',
  setup: [
    `CREATE FUNCTION secret.really() RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = 1; RETURN 1; END'`,
    `CREATE FUNCTION secret.eat() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
     'BEGIN RETURN secret.really(); END'`,
  ],
  sends: [{ send: [parse('', 'SELECT secret.eat()'), bind('', ''), sync()] }],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'FUNCTION', object: 'secret.eat execute', outcome: 'prepared', rule: 'calls' }],
}
