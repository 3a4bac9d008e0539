import { accounts_left, split, split_trail, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same by an UPDATE of a view of the catalog.',
  sends: [
    "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
    split,
  ],
  effect: [[accounts_left, '2']],
  answers: 'DELETE 1\0',
  trail: [{ class: 'WRITE', object: 'pg_catalog.pg_settings update' }, ...split_trail],
}
