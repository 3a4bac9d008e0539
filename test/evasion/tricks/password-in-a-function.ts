import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'CREATE FUNCTION keeps the password in a body that is run later.',
  setup: ['CREATE ROLE pw_function'],
  sends: [
    `CREATE FUNCTION public.reset() RETURNS void LANGUAGE plpgsql AS
    $f$ BEGIN EXECUTE $q$ALTER ROLE pw_function PASSWORD 'Geheim123x'$q$; END $f$`,
    'SELECT public.reset()',
  ],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_function'", 't']],
  trail: [{ class: 'DDL' }, { class: 'FUNCTION', rule: 'calls' }],
  absent: 'Geheim123x',
}
