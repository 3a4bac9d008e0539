import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'An INSERT that updates what is there.',
  sends: [
    "INSERT INTO secret.account VALUES (1, 'eve') ON CONFLICT (id) DO UPDATE SET owner = 'eve'",
  ],
  effect: [['SELECT owner FROM secret.account WHERE id = 1', 'eve']],
  answers: 'INSERT 0 1\0',
  trail: [{ class: 'WRITE', object: 'secret.account update', rule: 'changes' }],
}
