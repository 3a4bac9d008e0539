import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Escape sequences in a text would clear the screen of whoever reads the trail in a terminal.',
  csv: true,
  setup: ['CREATE TABLE secret."a\u001b[2J\u009b1m\u007f" (n int)'],
  sends: ['INSERT INTO secret."a\u001b[2J\u009b1m\u007f" VALUES (1)'],
  effect: [['SELECT count(*) FROM secret."a\u001b[2J\u009b1m\u007f"', '1']],
  trail: [{ class: 'WRITE', object: 'secret."a\u001b[2J\u009b1m\u007f" insert', rule: 'changes' }],
  absent: '\u001b',
}
