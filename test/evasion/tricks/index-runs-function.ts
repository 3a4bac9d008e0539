import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'CREATE INDEX and ALTER TABLE run functions over rows at once.',
  setup: [
    'INSERT INTO note VALUES (1)',
    `CREATE FUNCTION secret.really(int) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1; RETURN 1; END'`,
    `CREATE FUNCTION secret.eat(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
     'BEGIN RETURN secret.really($1); END'`,
  ],
  sends: [
    'ALTER TABLE note ADD x int DEFAULT secret.really(2)',
    'CREATE TABLE public.other AS SELECT 3 AS n',
    'ALTER TABLE public.other ALTER n TYPE int USING secret.really(n)',
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'DDL', object: 'secret.really execute', rule: 'calls' },
    { class: 'DDL' },
    { class: 'DDL', object: 'secret.really execute', rule: 'calls' },
  ],
}
