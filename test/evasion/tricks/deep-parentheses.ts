import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The server gives up at depths that may take the parser of an auditor with it.',
  sends: [
    `SELECT ${'('.repeat(200_000)}1${')'.repeat(200_000)}`,
    'DELETE FROM secret.account WHERE id = 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'WRITE', outcome: 'failure', analysis: 'unparsed', rule: 'changes' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
  ],
}
