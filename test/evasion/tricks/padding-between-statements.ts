import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same between two statements: each completion must still have a record.',
  sends: [`SELECT 1; /*${'x'.repeat(17 << 20)}*/ DELETE FROM secret.account WHERE id = 1`],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'WRITE', analysis: 'unparsed', rule: 'changes' },
    { class: 'WRITE', command: 'DELETE', analysis: 'unparsed', rows: 1, rule: 'changes' },
  ],
}
