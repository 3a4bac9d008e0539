import { accounts_left, queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A byte that begins a character and a quote behind it: some libraries swallow the quote.',
  sends: [
    "SET client_encoding = 'GBK'",
    queryOf("SELECT '", Buffer.from([0xbf]), "'; DELETE FROM secret.account --'"),
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', outcome: 'failure', analysis: 'ambiguous', rule: 'changes' },
    { class: 'WRITE', outcome: 'skipped', analysis: 'ambiguous', rule: 'changes' },
  ],
}
