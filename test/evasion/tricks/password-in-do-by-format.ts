import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The code of a DO puts the statement together from parts.',
  setup: ['CREATE ROLE pw_format'],
  sends: [
    "DO $$ DECLARE p text := 'Geheim123x'; BEGIN EXECUTE format('ALTER ROLE pw_format PASSWORD %L', p); END $$",
  ],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_format'", 't']],
  trail: [{ class: 'FUNCTION', command: 'DO' }],
  absent: 'Geheim123x',
}
