import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The table stands last in a list of things that do not exist.',
  sends: ['DROP TABLE IF EXISTS nothing, never, secret.account'],
  effect: [["SELECT to_regclass('secret.account')", null]],
  trail: [{ class: 'DDL', object: 'secret.account drop', rule: 'changes' }],
}
