import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A Cyrillic letter makes another schema of a name that looks the same.',
  setup: [
    'CREATE SCHEMA "s\u0435cret"',
    'CREATE TABLE "s\u0435cret".account AS TABLE secret.account',
  ],
  sends: ['DELETE FROM s\u0435cret.account'],
  effect: [
    [accounts_left, '3'],
    ['SELECT count(*) FROM "s\u0435cret".account', '0'],
  ],
  trail: [{ class: 'WRITE', object: '"s\u0435cret".account delete', rows: 3 }],
}
