import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'PostgreSQL 16 and 17 made syntax of names that were free before: an older server calls a function.',
  until: 15,
  setup: [
    `CREATE FUNCTION public.json_scalar(text) RETURNS int LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1::int; RETURN 1; END'`,
  ],
  sends: ["SELECT json_scalar('1')"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'FUNCTION', object: 'public."json_scalar" execute', rule: 'calls' }],
}
