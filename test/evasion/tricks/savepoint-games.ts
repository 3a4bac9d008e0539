import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Part of a transaction is undone, a failed one goes on behind ROLLBACK TO, and commits.',
  sends: [
    'BEGIN',
    'SAVEPOINT a',
    'DELETE FROM secret.account WHERE id = 1',
    'ROLLBACK TO a',
    'SELECT 1/0',
    'ROLLBACK TO SAVEPOINT a',
    'DELETE FROM secret.account WHERE id = 2',
    'RELEASE a',
    'COMMIT',
  ],
  effect: [['SELECT string_agg(id::text, chr(44)) FROM secret.account', '1,3']],
  trail: [
    { class: 'MISC', command: 'BEGIN' },
    { class: 'MISC', command: 'SAVEPOINT' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC', text: 'ROLLBACK TO a' },
    { class: 'READ', outcome: 'failure' },
    { class: 'MISC', text: 'ROLLBACK TO SAVEPOINT a' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC', command: 'RELEASE' },
    { class: 'MISC', command: 'COMMIT' },
  ],
}
