import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'DROP SCHEMA … CASCADE names no table.',
  sends: ['DROP SCHEMA secret CASCADE'],
  effect: [["SELECT to_regclass('secret.account')", null]],
  trail: [{ class: 'DDL', object: 'secret drop' }],
}
