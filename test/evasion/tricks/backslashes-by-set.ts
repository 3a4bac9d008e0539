import { accounts_left, split, split_trail, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'With standard_conforming_strings off a backslash escapes in plain strings: another text, as it were.',
  sends: ['SET standard_conforming_strings = off', split],
  effect: [[accounts_left, '2']],
  answers: 'DELETE 1\0',
  trail: [{ class: 'MISC' }, ...split_trail],
}
