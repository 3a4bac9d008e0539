import { accounts_left, split, split_trail, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same by an option of the startup packet, with no statement that says so.',
  startup: { options: '-c standard_conforming_strings=off' },
  sends: [split],
  effect: [[accounts_left, '2']],
  answers: 'DELETE 1\0',
  trail: [...split_trail],
}
