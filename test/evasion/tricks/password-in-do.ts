import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The password stands in a string within the code of a DO.',
  setup: ['CREATE ROLE pw_do'],
  sends: ["DO $$ BEGIN EXECUTE 'ALTER ROLE pw_do PASSWORD ''Geheim123x'''; END $$"],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_do'", 't']],
  trail: [{ class: 'FUNCTION', command: 'DO', text: '<REDACTED>' }],
  absent: 'Geheim123x',
}
