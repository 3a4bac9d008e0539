import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'In a plain string a backslash is a character; a reader that escapes by it sees one long string.',
  sends: ["SELECT 'O\\'; DELETE FROM secret.account WHERE id = 1 --'"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
