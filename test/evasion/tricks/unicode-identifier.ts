import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: "No letter of the table's name stands in the text as it is.",
  sends: [
    'DELETE FROM U&"\\0073\\0065\\0063\\0072\\0065\\0074".U&"!0061!0063!0063!006f!0075!006et" UESCAPE \'!\' WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
