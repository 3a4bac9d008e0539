import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A function prepares the statement, so that its EXECUTE is of a name that we know nothing of.',
  setup: ['CREATE ROLE pw_unseen'],
  sends: [
    `DO $$ BEGIN EXECUTE 'PREPARE setter (text) AS SELECT set_config(''my.password'', $1, false)'; END $$`,
    "EXECUTE setter ('Geheim123x')",
  ],
  effect: [[accounts_left, '3']],
  answers: 'SELECT 1\0',
  trail: [{ class: 'FUNCTION', command: 'DO' }, { class: 'WRITE' }],
  absent: 'Geheim123x',
}
