import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A DO deallocates a name and prepares it again; EXECUTE runs what no PREPARE of ours has said.',
  sends: [
    'PREPARE harmless AS SELECT 1',
    `DO $$ BEGIN EXECUTE 'DEALLOCATE harmless';
     EXECUTE 'PREPARE harmless AS DELETE FROM secret.account WHERE id = 1'; END $$`,
    'EXECUTE harmless',
  ],
  effect: [[accounts_left, '2']],
  answers: 'DELETE 1\0',
  trail: [
    { class: 'MISC', command: 'PREPARE' },
    { class: 'FUNCTION', command: 'DO' },
    { class: 'WRITE', rule: 'changes' },
  ],
}
