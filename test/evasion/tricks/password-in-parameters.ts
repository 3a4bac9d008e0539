import { ask, bind, execute, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The password is the value of a parameter of a prepared statement.',
  setup: ['CREATE ROLE pw_parameter'],
  sends: [
    `PREPARE setter (text) AS SELECT set_config('my.password', $1, false)`,
    "EXECUTE setter ('Geheim123x')",
    "EXPLAIN EXECUTE setter ('Geheim123x')",
    "EXPLAIN (ANALYZE) EXECUTE setter ('Geheim123x' || '')",
    { send: [ask("SELECT set_config('my.password', $1, false)", ['Geheim123x']), sync()] },
    { send: [bind('', 'setter', ['Geheim123x']), execute(), sync()] },
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    { class: 'MISC', times: 5 },
  ],
  absent: 'Geheim123x',
}
