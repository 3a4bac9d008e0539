import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A password behind twenty megabytes, in a text that is never parsed.',
  setup: ['CREATE ROLE pw_long'],
  sends: [`${' '.repeat(17 << 20)}ALTER ROLE pw_long PASSWORD 'Geheim123x'`],
  effect: [["SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'pw_long'", 't']],
  trail: [{ class: 'ROLE', analysis: 'unparsed' }],
  absent: 'Geheim123x',
}
