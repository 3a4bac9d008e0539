import { accounts_left, type Trick } from '../trick.js'

const deletes = 'DELETE FROM secret.account WHERE id = 1 RETURNING 1'

export const trick: Trick = {
  why: 'What PREPARE was given reads in two ways; the EXECUTE of it has no backslash, and the same tag.',
  startup: { options: '-c standard_conforming_strings=off' },
  sends: [
    `PREPARE harmless AS WITH a AS (SELECT '\\''), d AS (${deletes}) SELECT 1 --') SELECT 2`,
    'EXECUTE harmless',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'WRITE', analysis: 'ambiguous' },
    { class: 'WRITE', analysis: 'ambiguous', rule: 'changes' },
  ],
}
