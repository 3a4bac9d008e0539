import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A default calls a function at every later INSERT; the DDL says so and nothing else.',
  setup: [
    `CREATE FUNCTION secret.eat() RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = 1; RETURN 1; END'`,
  ],
  sends: ['ALTER TABLE note ALTER n SET DEFAULT secret.eat()', "INSERT INTO note (t) VALUES ('x')"],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'DDL', object: 'secret.eat reference', text: 'secret.eat()' },
    { class: 'WRITE', object: 'public.note insert' },
  ],
}
