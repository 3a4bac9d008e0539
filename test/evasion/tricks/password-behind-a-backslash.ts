import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Where backslashes escape, the comment is none, and what stands in it sets a password.',
  setup: ['CREATE ROLE pw_behind'],
  startup: { options: '-c standard_conforming_strings=off' },
  sends: [`SELECT '\\', n FROM note --'; ALTER ROLE pw_behind PASSWORD 'Geheim123x'`],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_behind'", 't']],
  trail: [
    { class: 'WRITE', analysis: 'ambiguous', text: 'ALTER ROLE pw_behind PASSWORD' },
    { class: 'ROLE', command: 'ALTER ROLE', text: 'ALTER ROLE pw_behind PASSWORD' },
  ],
  absent: 'Geheim123x',
  csv: true,
}
