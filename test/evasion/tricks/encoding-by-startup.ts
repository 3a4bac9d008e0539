import { queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The encoding of the session comes in the startup packet.',
  startup: { client_encoding: 'LATIN1' },
  setup: ['CREATE TABLE secret."caf\u00e9" (n int)'],
  sends: [queryOf('INSERT INTO secret.caf', Buffer.from([0xe9]), ' VALUES (1)')],
  effect: [['SELECT count(*) FROM secret."caf\u00e9"', '1']],
  trail: [
    { class: 'WRITE', object: 'secret."caf\u00e9" insert', analysis: 'sure', rule: 'changes' },
  ],
}
