import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A backslash moves the end of the string, and the password out of it.',
  setup: ['CREATE ROLE pw_backslash'],
  startup: { options: '-c standard_conforming_strings=off' },
  sends: ["ALTER ROLE pw_backslash PASSWORD 'a\\'Geheim123x'"],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_backslash'", 't']],
  trail: [{ class: 'WRITE' }],
  absent: 'Geheim123x',
}
