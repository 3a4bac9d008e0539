import { accounts_left, split, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Set and used within one Query: the whole of it was read before the SET, so nothing is hidden.',
  sends: [`SET standard_conforming_strings = off; ${split}`],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'MISC' }, { class: 'READ', text: 'DELETE' }],
}
