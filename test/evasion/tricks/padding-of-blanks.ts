import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Twenty megabytes of blanks are more than an auditor may want to parse.',
  sends: [`${' '.repeat(20 << 20)}DELETE FROM secret.account WHERE id = 1`],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', command: 'DELETE', analysis: 'unparsed', rows: 1, rule: 'changes' }],
}
