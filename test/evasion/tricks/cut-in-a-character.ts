import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A name is cut to 63 bytes, but not in the middle of a character: 62 bytes may be what counts.',
  sends: [
    `PREPARE "${'n'.repeat(62)}\u00e9" AS DELETE FROM secret.account WHERE id = 1`,
    `EXECUTE "${'n'.repeat(62)}"`,
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
