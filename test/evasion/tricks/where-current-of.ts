import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The row to delete is where a cursor stands.',
  sends: [
    'BEGIN',
    'DECLARE c CURSOR FOR SELECT * FROM secret.account FOR UPDATE',
    'MOVE 1 FROM c',
    'DELETE FROM secret.account WHERE CURRENT OF c',
    'COMMIT',
  ],
  effect: [['SELECT min(id) FROM secret.account', '2']],
  trail: [
    { class: 'MISC' },
    { class: 'READ', object: 'secret.account select' },
    { class: 'MISC', command: 'MOVE' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC' },
  ],
}
