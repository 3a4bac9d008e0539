import { accounts_left, split, split_trail, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same as a default of the role, which no client has to ask for.',
  setup: [
    'CREATE ROLE backslash LOGIN SUPERUSER',
    'ALTER ROLE backslash SET standard_conforming_strings = off',
  ],
  startup: { user: 'backslash' },
  sends: [split],
  effect: [[accounts_left, '2']],
  answers: 'DELETE 1\0',
  trail: [...split_trail],
}
