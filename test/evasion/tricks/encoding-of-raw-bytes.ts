import { queryOf, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'With SQL_ASCII the server takes the bytes as they come, whatever they mean.',
  startup: { client_encoding: 'SQL_ASCII' },
  setup: ['CREATE TABLE secret."caf\u00e9" (n int)'],
  sends: [queryOf('INSERT INTO secret.', Buffer.from('caf\u00e9'), ' VALUES (1)')],
  effect: [['SELECT count(*) FROM secret."caf\u00e9"', '1']],
  trail: [{ class: 'WRITE', object: 'secret."caf\u00e9" insert', rule: 'changes' }],
}
