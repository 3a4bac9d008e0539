import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What stands behind a megabyte of comment is beyond the place where log lines are cut.',
  sends: [`/*${'x'.repeat(1 << 20)}*/ DELETE FROM secret.account WHERE id = 1`],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
