import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The password is in a query in a string of a function that connects elsewhere.',
  setup: ['CREATE EXTENSION dblink'],
  sends: [
    "SELECT dblink_connect('host=127.0.0.1 user=postgres password=Geheim123x port=1')",
    "SELECT dblink_exec('c', 'ALTER ROLE x PASSWORD ''Geheim123x''')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere password=Geheim123x' PUBLICATION p",
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'FUNCTION', outcome: 'failure', times: 2 },
    { class: 'DDL', outcome: 'failure' },
  ],
  absent: 'Geheim123x',
}
