import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A dollar quote ends at its own tag alone; a reader that takes any tag loses its place.',
  sends: ["SELECT $a$ ' $b$ $$ $a$; DELETE FROM secret.account WHERE id = 1 --$b$ $$'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
