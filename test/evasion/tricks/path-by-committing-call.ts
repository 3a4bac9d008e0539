import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'An error behind a CALL in one pipeline undoes nothing of what the procedure has committed.',
  setup: [
    `CREATE PROCEDURE public.tidy_up() LANGUAGE plpgsql AS
      $$BEGIN SET search_path = secret; COMMIT; END$$`,
    'CREATE TABLE public.account (id int)',
  ],
  sends: [
    {
      send: [
        parse('', 'CALL tidy_up()'),
        bind('', ''),
        execute(),
        parse('', 'SELECT 1/0'),
        bind('', ''),
        execute(),
        sync(),
      ],
    },
    'DELETE FROM account WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'FUNCTION', object: 'public.tidy_up' },
    { class: 'READ', outcome: 'failure', sqlstate: '22012' },
    { class: 'WRITE', rows: 1, rule: 'changes' },
  ],
  events: ['transaction end'],
}
