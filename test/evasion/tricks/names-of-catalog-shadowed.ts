import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A table of the user has the name of a catalog, which is found first; unless the path says else.',
  setup: [
    'CREATE TABLE secret.pg_settings (name text)',
    "INSERT INTO secret.pg_settings VALUES ('x')",
  ],
  sends: ['SET search_path = secret, pg_catalog', 'DELETE FROM pg_settings'],
  effect: [['SELECT count(*) FROM secret.pg_settings', '0']],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', object: 'secret.pg_settings delete', rule: 'changes' },
  ],
}
