import { query, terminate } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The client leaves without reading the answer; the statement runs and commits all the same.',
  sends: [{ send: [query('DELETE FROM secret.account WHERE id = 1'), terminate()], ready: 0 }],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rows: 1, rule: 'changes' }],
}
