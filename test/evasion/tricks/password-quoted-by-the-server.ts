import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The server refuses the value and quotes it in its message, which is recorded.',
  setup: ['CREATE FUNCTION set_password(digits int) RETURNS int LANGUAGE sql AS $$SELECT digits$$'],
  sends: [{ send: [ask('SELECT set_password($1)', ['Geheim123x']), sync()] }],
  answers: 'Geheim123x',
  effect: [[accounts_left, '3']],
  trail: [{ class: 'FUNCTION', outcome: 'failure', sqlstate: '22P02' }],
  absent: 'Geheim123x',
}
