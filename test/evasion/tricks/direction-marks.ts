import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Marks that turn the direction of writing show a text otherwise than the server reads it.',
  csv: true,
  sends: ["DELETE FROM secret.account WHERE id = 1 AND owner <> '\u202e\u2066' -- \u2069\u202c\n"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
