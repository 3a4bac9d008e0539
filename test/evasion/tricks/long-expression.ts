import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A long sum costs a parser much more than the server, and hides what stands behind it.',
  sends: [`SELECT 1${'+1'.repeat(3_000)}; DELETE FROM secret.account WHERE id = 1`],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'READ' }, { class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}
