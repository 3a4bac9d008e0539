import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A statistic of words, of whatever table the string names.',
  sends: ["SELECT word FROM ts_stat('SELECT to_tsvector(owner) FROM secret.account')"],
  effect: [[accounts_left, '3']],
  answers: 'ann',
  trail: [{ class: 'FUNCTION', object: 'pg_catalog.ts_stat execute', rule: 'calls' }],
}
