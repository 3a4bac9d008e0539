import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A password in a comment of the statement that sets it.',
  setup: ['CREATE ROLE pw_comment'],
  sends: [
    "ALTER ROLE pw_comment /* password 'Geheim123x' */ PASSWORD 'Geheim123x' -- password: Geheim123x",
  ],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_comment'", 't']],
  trail: [{ class: 'ROLE', rule: 'roles' }],
  absent: 'Geheim123x',
}
