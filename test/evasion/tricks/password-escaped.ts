import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The password is written with escapes, by E, U& and dollar quotes.',
  setup: ['CREATE ROLE pw_escaped'],
  sends: [
    "ALTER ROLE pw_escaped PASSWORD E'Ge\\x68eim123x'",
    "ALTER ROLE pw_escaped PASSWORD U&'Ge!0068eim123x' UESCAPE '!'",
    'ALTER ROLE pw_escaped PASSWORD $a$Geheim123x$a$',
    "ALTER ROLE pw_escaped ENCRYPTED PASSWORD 'Ge'\n'heim123x'",
  ],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_escaped'", 't']],
  trail: [{ class: 'ROLE', text: '<REDACTED>', times: 4 }],
  absent: 'eim123x',
}
