import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The catalog takes an UPDATE too.',
  setup: ['CREATE ROLE pw_update'],
  sends: ["UPDATE pg_authid SET rolpassword = 'Geheim123x' WHERE rolname = 'pw_update'"],
  effect: [["SELECT rolpassword FROM pg_authid WHERE rolname = 'pw_update'", 'Geheim123x']],
  trail: [{ class: 'WRITE', object: 'pg_catalog.pg_authid update' }],
  absent: 'Geheim123x',
}
