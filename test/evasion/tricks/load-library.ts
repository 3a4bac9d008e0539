import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'LOAD runs the code of a library of the server.',
  sends: ["LOAD '$libdir/plpgsql'"],
  effect: [[accounts_left, '3']],
  answers: 'LOAD\0',
  trail: [{ class: 'MISC', command: 'LOAD', text: 'plpgsql' }],
}
