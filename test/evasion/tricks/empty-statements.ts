import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Empty statements have no completion each: whoever counts semicolons gives tags to the wrong ones.',
  sends: [';; ; DELETE FROM secret.account WHERE id = 1;;; SELECT 1;', '; --\n;'],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' },
    { class: 'READ' },
  ],
}
