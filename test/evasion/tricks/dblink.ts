import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The server opens a connection of its own, past the proxy, and works there.',
  setup: ['CREATE EXTENSION dblink'],
  sends: [
    `SELECT dblink_exec('host=127.0.0.1 user=postgres dbname=' || current_database() || ' port='
     || current_setting('port'), 'DELETE FROM secret.account WHERE id = 1')`,
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'FUNCTION', object: 'public.dblink_exec execute', rule: 'calls' }],
}
