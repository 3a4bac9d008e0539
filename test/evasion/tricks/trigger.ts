import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What a trigger does is in no text. The record has the statement that fires it.',
  setup: [
    `CREATE FUNCTION secret.eat() RETURNS trigger LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = 1; RETURN NEW; END'`,
    'CREATE TRIGGER t BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION secret.eat()',
  ],
  sends: ['INSERT INTO note VALUES (1)'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'public.note insert' }],
}
