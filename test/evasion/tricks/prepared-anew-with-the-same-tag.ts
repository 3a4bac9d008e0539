import { bind, execute, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same with a DELETE in WITH, whose tag is that of the harmless SELECT.',
  sends: [
    'PREPARE harmless AS SELECT 1',
    `DO $$ BEGIN EXECUTE 'DEALLOCATE harmless';
     EXECUTE 'PREPARE harmless AS WITH d AS (DELETE FROM secret.account WHERE id = 1) SELECT 1';
     END $$`,
    'EXECUTE harmless',
    { send: [bind('', 'harmless'), execute(), sync()] },
  ],
  effect: [[accounts_left, '2']],
  answers: 'SELECT 1\0',
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    { class: 'FUNCTION', command: 'DO' },
    { class: 'WRITE', analysis: 'ambiguous', rule: 'changes' },
    { class: 'WRITE', analysis: 'ambiguous', rule: 'changes' },
  ],
}
