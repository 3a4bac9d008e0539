import { bind, execute, parse, sync } from '../../support/messages.js'
import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A deferred constraint fails at Sync, after the success of the INSERT was told.',
  setup: [
    `CREATE TABLE secret.child
     (id int REFERENCES secret.account DEFERRABLE INITIALLY DEFERRED)`,
  ],
  sends: [
    {
      send: [parse('', 'INSERT INTO secret.child VALUES (99)'), bind('', ''), execute(), sync()],
    },
  ],
  effect: [['SELECT count(*) FROM secret.child', '0']],
  answers: 'INSERT 0 1\0',
  trail: [
    { class: 'WRITE', object: 'secret.child insert', rule: 'changes' },
    { class: 'ERROR', outcome: 'failure', sqlstate: '23503' },
  ],
  events: ['transaction end'],
}
